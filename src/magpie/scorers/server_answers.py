"""What a server of reward models is asked and what it answers: three routes of vLLM. Knows JSON and no connection.

`/classify` and `/pooling` take a conversation, which the server writes out by its own chat template; `/score` takes an
instruction and a response. All are asked for logits as they come (`use_activation: false`): a probability says less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Literal

from magpie.errors import RequestFailed
from magpie.http.answers import Garbled as Garbled
from magpie.http.answers import shown
from magpie.seams import Message

Api = Literal["classify", "pooling", "score"]
APIS: tuple[Api, ...] = ("classify", "pooling", "score")
"""In the order in which a server is tried for them."""


def route(api: Api) -> str:
    """Below the server's root, where vLLM has all three."""
    return f"/{api}"


def body(api: Api, model: str | None, conversation: Sequence[Message]) -> dict[str, Any]:
    """Raises `RequestFailed` for a conversation that the route does not take."""
    asked: dict[str, Any] = {"use_activation": False} | ({} if model is None else {"model": model})
    if api != "score":
        return asked | {"messages": [{"role": role, "content": content} for role, content in conversation]}
    if [message.role for message in conversation] != ["user", "assistant"]:
        raise RequestFailed(
            f"the server's /score takes an instruction and a response, and the conversation has {len(conversation)} "
            "messages; serve the reward model with /classify"
        )
    return asked | {"text_1": conversation[0].content, "text_2": conversation[1].content}


def score(api: Api, said: Any, label: int | None) -> float:
    """The score in an answer of status 200. Raises `Garbled` for what is none, `RequestFailed` for no number."""
    try:
        found = said["data"][0][{"classify": "probs", "pooling": "data", "score": "score"}[api]]
    except (KeyError, IndexError, TypeError):
        raise Garbled(f"the answer holds no score where /{api} has it") from None
    value = found if api == "score" else _labelled(_last(found) if api == "pooling" else found, label)
    if value is None or (isinstance(value, float) and not isfinite(value)):
        raise RequestFailed(f"the server's score is {value}, no number")
    if type(value) not in (int, float):
        raise Garbled(f"the score is {shown(value)}, no number")
    return float(value)


def _last(found: Any) -> Any:
    """Of a number for each token, the last token's."""
    while isinstance(found, list) and found and isinstance(found[0], list):
        found = found[-1]
    return found


def _labelled(found: Any, label: int | None) -> Any:
    if not isinstance(found, list) or not found:
        raise Garbled("the answer holds no list of scores")
    if label is None and len(found) == 1:
        return found[0]
    if label is None or not 0 <= label < len(found):
        raise WrongLabel(len(found), label)
    return found[label]


class WrongLabel(Exception):
    """The model has other labels than one, or than the one that was asked for."""

    def __init__(self, count: int, label: int | None) -> None:
        asked = "one is the score" if label is None else f"there is none at place {label}"
        super().__init__(f"its model has {count} labels, and {asked}: say its place by reward.server.label")


def shortened(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same request, of whose conversation the server reads no more than its model does (vLLM's parameter)."""
    return {**asked, "truncate_prompt_tokens": -1}
