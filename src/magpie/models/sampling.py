"""How a model is sampled: the recipe's word, else what suits the model's family, else the paper's.

Knows settings and chats; knows no stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from magpie.models.chats import ChatModel
from magpie.seams import SamplingParams
from magpie.settings.base import frozen
from magpie.settings.sampling import Sampling

PAPER: dict[str, dict[str, Any]] = {
    "instruct": {"temperature": 1.0, "top_p": 1.0, "max_tokens": 2048},
    "respond": {"temperature": 0.0, "top_p": 1.0, "max_tokens": 4096},
}
"""The paper's sampling (section 2 and appendix; instructions also at temperatures to 1.25 and top_p from 0.99)."""


def as_user(settings: Sampling, model: ChatModel, stop: tuple[str, ...] = ()) -> SamplingParams:
    """How a model is sampled where it writes as the user."""
    suited = PAPER["instruct"] | dict(model.family.instruct)
    return sampling_params(settings, suited, model.chat.stop_token_ids, (*model.chat.stop, *stop))


def as_assistant(settings: Sampling, model: ChatModel) -> SamplingParams:
    """How a model is sampled where it writes as the assistant."""
    suited = PAPER["respond"] | dict(model.family.respond)
    return sampling_params(settings, suited, model.chat.response_stop_token_ids, model.chat.response_stop)


def over(general: Sampling, own: Sampling) -> Sampling:
    """`own`, and where it says nothing the more general settings."""
    return general.model_copy(update={name: value for name, value in own if value not in (None, ())})


def sampling_params(
    settings: Sampling, suited: Mapping[str, Any], stop_token_ids: tuple[int, ...], stop: tuple[str, ...]
) -> SamplingParams:
    """What the recipe says, and where it says nothing what suits the model."""
    said = {name: value for name, value in settings.model_dump(exclude={"stop"}).items() if value is not None}
    return SamplingParams(**{**suited, **said}, stop_token_ids=stop_token_ids, stop=(*settings.stop, *stop))


def written_by(model: ChatModel) -> dict[str, Any]:
    """What writes conversations out, for a fingerprint. A template may treat any message in its own way: it is covered
    whole, also the model's own, which a folder may get a new one of, and of which the digest of a large file sees
    little."""
    if model.source is None:
        return {"system": model.template.system or None}
    return {
        "template": frozen(model.template, only={"system", "thinking", "kwargs"}),
        "chat_template": blake2b(model.source.encode(), digest_size=16).hexdigest(),
    }


def resolved_sampling(settings: Sampling, params: SamplingParams) -> Sampling:
    """The settings with the values that were filled in, so that a later magpie can resume the run with them."""
    filled = {name: getattr(params, name) for name in ("temperature", "top_p", "max_tokens")}
    return settings.model_copy(update=filled)


def frozen_sampling(sampling: SamplingParams) -> dict[str, Any]:
    """Sampling as a fingerprint knows it. A new field is left out at the value that equals the behavior before it
    existed."""
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stop_token_ids": sampling.stop_token_ids,
        "stop": sampling.stop,
    }


def frozen_prompt(described: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A prompt, as `Chat.describe` gives it, as a fingerprint knows it: its ids and its text."""
    return None if described is None else {name: described[name] for name in ("ids", "text") if name in described}
