"""Several answers to one instruction, with their rewards: a list of texts, of objects, or of messages.

Knows the names that datasets use; knows no file and no run.
"""

from __future__ import annotations

from typing import Any

from magpie.imports.documents import is_number
from magpie.imports.keys import THOUGHTS, Keys, Shaped
from magpie.imports.messages import Unreadable, joined_thoughts, parsed, text_or_none, thinking, why_no_use


def take_several(keys: Keys, row: Shaped, name: str, values: list[Any]) -> bool:
    """Take several answers to one instruction; whether they are that. Those that say nothing are left out, with their
    rewards."""
    if _are_steps(keys, values):
        return False
    entries = [_candidate(value) for value in values]
    if not entries or any(entry is _NO_CANDIDATE for entry in entries):
        return False
    keys.used.add(name)
    rewards = _rewards(keys, values)
    for value in values:
        row.left_out |= {f"{name}[].{key}" for key in _not_used(value, rewards is not None)}
    kept = [n for n, entry in enumerate(entries) if entry]
    if kept:
        row.columns["responses"] = [entries[n] for n in kept]
        if rewards is not None:
            row.columns["response_rewards"] = [rewards[n] for n in kept]
    return True


def _are_steps(keys: Keys, values: list[Any]) -> bool:
    """Whether these are the steps of one answer, with a label for each (TRL: stepwise supervision)."""
    labels = keys.values.get("labels")
    return isinstance(labels, list) and len(labels) == len(values) and all(isinstance(one, bool) for one in labels)


_NO_CANDIDATE: dict[str, Any] = {"none": None}
_SCORES = ("score", "reward", "overall_score")
_CANDIDATE_TEXTS = ("response", "content", "text", "output", "completion", "value")


def _candidate(value: Any) -> dict[str, Any]:
    """One of several answers; an empty one for a text that says nothing; `_NO_CANDIDATE` for what is no answer."""
    model = reasoning = None
    how: dict[str, Any] = {"finish_reason": None, "tokens": None}
    if isinstance(value, list):
        value = value[-1] if value and isinstance(value[-1], dict) else value
    if isinstance(value, dict):
        value = _with_message(value)
        model = next((value[key] for key in ("model", "generator") if isinstance(value.get(key), str)), None)
        reasoning = joined_thoughts(value[key] for key in THOUGHTS if isinstance(value.get(key), str))
        if value.get("finish_reason") in ("stop", "length"):
            how["finish_reason"] = value["finish_reason"]
        if type(value.get("tokens")) is int and 0 <= value["tokens"] < 2**31:
            how["tokens"] = value["tokens"]
        key = _text_key(value)
        value = value if key is None else value[key]
    if value is None or (isinstance(value, str) and text_or_none(value) is None):
        return {}
    if not isinstance(value, str):
        return _NO_CANDIDATE
    try:
        turn = thinking("assistant", value)
    except Unreadable:
        return {}
    if why_no_use([turn]) is not None:
        return {}
    thought = joined_thoughts([reasoning, turn.reasoning])
    return {"response": turn.text, "reasoning": thought, "model": model, **how}


def _with_message(value: dict[str, Any]) -> dict[str, Any]:
    """One of the choices of an OpenAI server, whose message is an object inside."""
    inner = value.get("message")
    if not isinstance(inner, dict):
        return value
    return {**{key: found for key, found in value.items() if key != "message"}, **inner}


def _text_key(value: dict[str, Any]) -> str | None:
    """The key of an answer's text: the first that says something, else the first text."""
    texts = [key for key in _CANDIDATE_TEXTS if isinstance(value.get(key), str)]
    return next((key for key in texts if text_or_none(value[key]) is not None), texts[0] if texts else None)


def _not_used(value: Any, scored: bool) -> set[str]:
    """Keys of one of several answers that have a value and are kept nowhere."""
    if not isinstance(value, dict):
        return set()
    value = _with_message(value)
    used = {_text_key(value), "model", "generator", "role", "finish_reason", "tokens", *THOUGHTS}
    used |= set(_SCORES) if scored else set()
    return {key for key, inner in value.items() if key not in used and inner not in (None, "", [], {})}


def _rewards(keys: Keys, values: list[Any]) -> list[float | None] | None:
    """The reward of each of several answers, beside them or within each."""
    for key in ("response_rewards", "rewards_armorm", "rewards", "scores"):
        beside = keys.values.get(key)
        beside = parsed(beside) if isinstance(beside, str) else beside
        if isinstance(beside, list) and len(beside) == len(values):
            found = [_score(one) for one in beside]
            if any(score is not None for score in found):
                keys.used.add(key)
                return found
    within = [_score(value) if isinstance(value, dict) else None for value in values]
    return within if any(score is not None for score in within) else None


def _score(value: Any) -> float | None:
    if isinstance(value, dict):
        value = next((value[key] for key in _SCORES if is_number(value.get(key))), None)
    return float(value) if is_number(value) and abs(value) < 1e300 else None
