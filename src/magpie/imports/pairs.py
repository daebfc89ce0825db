"""Preference pairs as datasets write them: two texts, two messages, or two conversations that part at the last answer;
the prompt outside or inside. Knows the names that datasets use; knows no run and no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from magpie.imports.conversations import begin_as_rendered, take_thoughts, use_what_repeats
from magpie.imports.fitting import NoValue, Unfit, fitted
from magpie.imports.instructions import history_of, take_turns, with_input
from magpie.imports.keys import INSTRUCTIONS, QUESTIONS, Keys, Shaped
from magpie.imports.messages import (
    Conversation,
    Turn,
    Unreadable,
    check_turns,
    conversation_of,
    human_and_assistant,
    messages_of,
    parsed,
    text_or_none,
    thinking,
    why_no_use,
)
from magpie.plan.registry import column_map

CHOSEN_REWARD = ("chosen_reward", "score_chosen", "chosen_score", "chosen_rating", "chosen-rating", "rating_chosen")
REJECTED_REWARD = tuple(name.replace("chosen", "rejected") for name in CHOSEN_REWARD)
CHOSEN_MODEL = ("chosen_model", "chosen-model", "model_chosen")
REJECTED_MODEL = tuple(name.replace("chosen", "rejected") for name in CHOSEN_MODEL)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to a conversation."""

    prompt: tuple[Turn, ...]
    """Turns, the user's last."""
    system: str | None
    chosen: Turn
    rejected: Turn


def pair_of(chosen: Any, rejected: Any, prompt: Sequence[Turn], system: str | None, unused: set[str]) -> Pair:
    """The pair in two values and the turns before them, of which whole conversations need none. Raises `Unreadable`.

    pair_of([{"role": "assistant", "content": "Yes."}], "No.", [Turn("user", "Is it?")], None, set())
    """
    sides = [_side(value, unused) for value in (chosen, rejected)]
    shared = _shared(*sides)
    if any(len(side) - shared != 1 or side[-1].role != "assistant" for side in sides):
        raise Unreadable("chosen and rejected part before their last answer")
    told = [*sides[0][:shared]]
    if told and told[0].role == "system":
        system = text_or_none(told.pop(0).text) or system
    before = list(prompt)
    if before and before[0].role == "system":
        system = text_or_none(before.pop(0).text) or system
    if told and told[0].role == "user" and before[-len(told) :] != told:
        before = told  # whole conversations: the prompt beside them says the same, or less
    elif told and told[0].role != "user":
        raise Unreadable("chosen and rejected begin with the same answer")
    check_turns([*before, sides[0][-1]])
    return Pair(tuple(before), system, sides[0][-1], sides[1][-1])


def _side(value: Any, unused: set[str]) -> list[Turn]:
    if isinstance(value, str):
        value = parsed(value) if _is_written_out(value) else value
    if isinstance(value, str):
        if value.lstrip().startswith(("[{'", "{'")) and any(f"'{key}'" in value[:200] for key in ("role", "from")):
            raise Unreadable("messages that Python wrote out; expected JSON")
        return human_and_assistant(value) or [thinking("assistant", value)]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return [thinking("assistant", value[0])]
    if isinstance(value, dict):
        value = [value]
    turns = messages_of([_with_role(one) for one in value] if isinstance(value, list) else value, unused)
    if not turns:
        raise Unreadable("a side of the pair says nothing")
    return turns


def _with_role(one: Any) -> Any:
    """An answer that is an object without a role."""
    if not isinstance(one, Mapping) or one.get("role") is not None or one.get("from") is not None:
        return one
    return {"role": "assistant", **{key: value for key, value in one.items() if key != "role"}}


def _is_written_out(text: str) -> bool:
    """Whether a text is a list of messages as JSON."""
    return text.lstrip().startswith(('[{"', '{"')) and any(f'"{key}"' in text[:200] for key in ("role", "from"))


def _shared(one: Sequence[Turn], other: Sequence[Turn]) -> int:
    """How many turns two conversations begin with alike; the last one is their own."""
    most = min(len(one), len(other)) - 1
    return next((n for n in range(most) if one[n] != other[n]), most)


def is_pair(keys: Keys) -> bool:
    return "chosen" in keys.values and "rejected" in keys.values


def read_pair(keys: Keys, row: Shaped) -> Conversation:
    prompt = _prompt_of_pair(keys)
    pair = pair_of(keys.take("chosen"), keys.take("rejected"), prompt, keys.system(), keys.of_messages)
    found = _conversation_beside(keys, pair) or Conversation(pair.system, [*pair.prompt, pair.chosen])
    take_thoughts(keys, found)
    use_what_repeats(keys, found)
    asked = list(pair.prompt)
    for turns in (asked, found.turns):
        begin_as_rendered(keys, row, turns)
    pair = replace(pair, prompt=tuple(asked))
    if (reason := why_no_use([*pair.prompt, pair.chosen, pair.rejected])) is not None:
        row.drop_reason = reason
    elif pair.chosen.text == pair.rejected.text:
        row.drop_reason = "identical_pair"
    row.columns["chosen"], row.columns["rejected"] = pair.chosen.text, pair.rejected.text
    if len(pair.prompt) > 1:
        row.columns["pair_prompt"] = [{"role": turn.role, "content": turn.text} for turn in pair.prompt]
    names = (CHOSEN_REWARD, REJECTED_REWARD, CHOSEN_MODEL, REJECTED_MODEL)
    for column, aliases in zip(
        ("chosen_reward", "rejected_reward", "chosen_model", "rejected_model"), names, strict=True
    ):
        if (value := keys.take(*aliases)) is not None:
            try:
                row.columns[column] = fitted(column_map().columns[column], value)
            except Unfit:
                row.unfit.append(column)
            except NoValue:
                pass
    for name, answer in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        if answer.reasoning is not None and answer not in found.turns:
            row.keep(f"{name}_reasoning", answer.reasoning)
    return found


_SIDES = (("conversation_a", "conversation_b"), ("response_a", "response_b"))


def is_battle(keys: Keys) -> bool:
    """Two models' answers of which somebody preferred one, as in the data of Chatbot Arena."""
    sides = any(one in keys.values and other in keys.values for one, other in _SIDES)
    return sides and keys.has("winner", "winner_model_a", "winner_model_b")


def read_battle(keys: Keys, row: Shaped) -> Conversation:
    names = next(names for names in _SIDES if names[0] in keys.values and names[1] in keys.values)
    models = ("model_a", "model_b")
    won = [keys.values.get("winner") == one or keys.values.get(f"winner_{one}") in (1, "1") for one in models]
    if won[0] == won[1]:
        raise Unreadable("neither answer is preferred")
    better = won.index(True)
    for side, place in (("chosen", better), ("rejected", 1 - better)):
        keys.values[side] = _side_of_battle(keys, names[place])
        if isinstance(keys.values.get(models[place]), str):
            keys.values.setdefault(f"{side}_model", keys.take(models[place]))
    keys.used.update(names)
    return read_pair(keys, row)


def _side_of_battle(keys: Keys, name: str) -> Any:
    """One model's answers: a conversation, a text, or a text for each prompt, both written as JSON."""
    answers, prompts = keys.values[name], keys.values.get("prompt")
    if name in _SIDES[0]:
        return answers
    answers, prompts = (parsed(value) if isinstance(value, str) else value for value in (answers, prompts))
    if not isinstance(answers, list) or not isinstance(prompts, list):
        return keys.values[name]
    if len(answers) != len(prompts) or not all(isinstance(text, str) for text in (*answers, *prompts)):
        raise Unreadable("not an answer for each prompt")
    return [
        {"role": role, "content": text}
        for pair in zip(prompts, answers, strict=True)
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


def _conversation_beside(keys: Keys, pair: Pair) -> Conversation | None:
    """The answered conversation that some datasets, and runs, have beside a pair: that counts for fine-tuning."""
    for key in ("messages", "conversations"):
        if key in keys.values and key not in keys.used:
            try:
                found = conversation_of(keys.values[key], pair.system)
            except Unreadable:
                continue
            if found.turns[0] == pair.prompt[0]:
                keys.used.add(key)
                return found
    if len(pair.prompt) == 1 and isinstance(keys.values.get("response"), str):
        found = Conversation(pair.system, [*pair.prompt, thinking("assistant", keys.take("response"))])
        take_turns(keys, found)
        return found
    return None


def _prompt_of_pair(keys: Keys) -> list[Turn]:
    """The turns before the two answers, where they stand outside of them."""
    value = next((keys.values[key] for key in ("messages", "conversations") if keys.has(key)), None)
    if value is not None:
        turns = messages_of(value, keys.of_messages)
        if turns and turns[-1].role == "user":
            keys.take("messages", "conversations")
            return turns
    if isinstance(keys.values.get("prompt"), list | dict):
        return messages_of(keys.take("prompt"), keys.of_messages)
    if keys.rendered is not None:
        return [*history_of(keys), Turn("user", keys.rendered)]
    text = keys.text(*INSTRUCTIONS, *QUESTIONS, "input")
    if text is None:
        return []
    return human_and_assistant(text) or [*history_of(keys), Turn("user", with_input(keys, text))]
