"""Runs a sequence classifier of transformers over conversations. Knows tensors; what may be loaded `classifier` says.

A conversation is written out by the model's own chat template, which is sandboxed in transformers, and read once: the
score is the logit of one label, as it comes. Texts of about the same length share a batch; padding changes a score by
rounding alone.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from typing import Any

import jinja2
import torch
import transformers

from magpie.errors import ModelError, RequestFailed, UserError
from magpie.scorers.batches import batches
from magpie.scorers.labels import ScorerTemplate, place_of
from magpie.seams import Message
from magpie.settings.scorers import RewardClassifier

GPU_TOKENS, CPU_TOKENS = 16384, 4096
"""Of a batch, by default."""


@contextmanager
def load(
    model: str, settings: RewardClassifier, template: ScorerTemplate, revision: str | None
) -> Iterator[Classifier]:
    """Raises `ModelError` for a model that is no scorer."""
    device = _device(settings.device)
    with _quiet():
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                model, revision=revision, trust_remote_code=settings.trust_remote_code
            )
            network = _network(model, settings, revision, device)
        except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ModelError(f"{model} cannot be loaded by transformers ({type(error).__name__}): {reason}") from error
    template = replace(template, chat_template=template.chat_template or tokenizer.chat_template)
    if template.chat_template is None:
        raise ModelError(
            f"{model} cannot score: its tokenizer has no chat template; give it one by reward.template.chat_template"
        )
    try:
        yield Classifier(network, tokenizer, template, settings, device)
    finally:
        del network
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own lines, and its setting as it was afterwards."""
    logging = transformers.utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()


def _network(model: str, settings: RewardClassifier, revision: str | None, device: str) -> Any:
    """With every weight from its files: transformers would make a head that is not there out of noise."""
    network, told = transformers.AutoModelForSequenceClassification.from_pretrained(
        model,
        revision=revision,
        dtype="float32" if settings.dtype == "auto" and device == "cpu" else settings.dtype,
        trust_remote_code=settings.trust_remote_code,
        use_safetensors=None if settings.trust_remote_code else True,  # others are pickled, and can run code
        output_loading_info=True,
        **({"device_map": "auto"} if device == "cuda" else {}),
    )
    if absent := sorted(told["missing_keys"]):
        raise ModelError(f"{model} cannot score: its files lack {', '.join(absent[:3])}; expected a trained classifier")
    return (network.to("mps") if device == "mps" else network).eval()


def _device(asked: str) -> str:
    there = [*(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if torch.backends.mps.is_available() else [])]
    there.append("cpu")
    if asked == "auto":
        return there[0]
    if asked not in there:
        raise ModelError(f"reward.classifier.device is {asked}, and PyTorch finds {' and '.join(there)} here")
    return asked


class Classifier:
    """Implements a scorer."""

    def __init__(
        self, network: Any, tokenizer: Any, template: ScorerTemplate, settings: RewardClassifier, device: str
    ) -> None:
        config = network.config.get_text_config()
        self._network, self._tokenizer, self._template = network, tokenizer, template.chat_template
        self._before = [] if template.system is None else [{"role": "system", "content": template.system}]
        self._kwargs: Mapping[str, Any] = template.kwargs
        self._names, self._asked = [name for _, name in sorted(network.config.id2label.items())], settings.label
        self._pad: int | None = config.pad_token_id
        self._tokens = settings.batch_tokens or (CPU_TOKENS if device == "cpu" else GPU_TOKENS)
        self.context: int = settings.context or _context(config, tokenizer)

    def score(self, conversations: Sequence[Sequence[Message]]) -> list[float | RequestFailed | None]:
        """A score for each; None for one that is longer than `context`, `RequestFailed` for one without a number."""
        scores: list[float | RequestFailed | None] = [None] * len(conversations)
        ids: dict[int, list[int]] = {}
        for place, conversation in enumerate(conversations):
            try:
                found = self._ids(conversation)
            except jinja2.TemplateError as error:
                scores[place] = RequestFailed(f"the scorer's chat template refuses the conversation: {error}")
                continue
            if len(found) <= self.context:
                ids[place] = found
        places = list(ids)
        alone = 1 if self._pad is None else None  # without a padding token the model reads one text at a time
        for batch in batches([len(ids[place]) for place in places], self._tokens, alone):
            chosen = [places[n] for n in batch]
            for place, value in zip(chosen, self._read([ids[place] for place in chosen]), strict=True):
                scores[place] = value if isfinite(value) else RequestFailed(f"the scorer's score is {value}, no number")
        return scores

    def _ids(self, conversation: Sequence[Message]) -> list[int]:
        messages = [*self._before, *({"role": role, "content": content} for role, content in conversation)]
        text = self._tokenizer.apply_chat_template(
            messages, chat_template=self._template, tokenize=False, **self._kwargs
        )
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _read(self, texts: Sequence[Sequence[int]]) -> list[float]:
        width, pad = max(map(len, texts)), self._pad or 0
        ids = torch.tensor([[*text, *[pad] * (width - len(text))] for text in texts])
        mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
        place = self._network.device
        try:
            with torch.inference_mode():
                said = self._network(input_ids=ids.to(place), attention_mask=mask.to(place))
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"the reward model ran out of memory at a batch of {len(texts)} texts of {width} tokens: lower "
                "reward.classifier.batch_tokens, or reward.classifier.context"
            ) from error
        return self._chosen(said).float().tolist()  # type: ignore[no-any-return]

    def _chosen(self, said: Any) -> Any:
        """One number for each text. A model with code of its own says by `score` what its objectives come to."""
        scores = said.score if getattr(said, "score", None) is not None else said.logits
        if scores.dim() == 1 or scores.shape[1] == 1:
            return scores.reshape(-1)
        if scores.shape[1] != len(self._names):
            raise ModelError(
                f"the reward model gives {scores.shape[1]} numbers for a text, and its config.json names "
                f"{len(self._names)} labels: its files do not belong together"
            )
        return scores[:, place_of(self._names, self._asked)]


def _context(config: Any, tokenizer: Any) -> int:
    """The most tokens that model and tokenizer are made for; a tokenizer that knows no bound has a huge one."""
    return int(min(getattr(config, "max_position_embeddings", None) or 1 << 30, tokenizer.model_max_length))
