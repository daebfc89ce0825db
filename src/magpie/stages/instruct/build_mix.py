"""Builds the variants of `instruct.mix`, and refuses settings that would have no effect or another effect. Knows
templates and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

from magpie.errors import RecipeError, TemplateError
from magpie.models.chats import AnotherTemplate, ChatModel, check_takes_system
from magpie.models.sampling import as_user, frozen_sampling, over, written_by
from magpie.seams import Chat, Message, Messages, Prompt, Text, Tokens
from magpie.stages.instruct.mix import Mix, Shares, Start, Variant, Words, filled, tie
from magpie.stages.instruct.prefill import prefill_ids
from magpie.stages.instruct.settings import Instruct
from magpie.stages.instruct.settings import Variant as Asked
from magpie.stages.instruct.words import words_of
from magpie.stages.spec import Context
from magpie.templates import MessagesChat


@dataclass(frozen=True, slots=True)
class BuiltMix:
    """A mix, what names it in a fingerprint, and what a reader should know of it."""

    mix: Mix
    settings: Sequence[Mapping[str, Any]]
    warnings: tuple[str, ...]


def build_mix(asked: Instruct, model: ChatModel, context: Context) -> BuiltMix:
    """Raises `RecipeError` for a system prompt that the chat template has no place for, a prefill that the tokenizer
    would merge with what follows, and placeholder values that do not last for the run."""
    shares = Shares([one.weight for one in asked.mix], [tie(context.seed, one.name) for one in asked.mix])
    none = _without_system(model, context) if any(_wants_none(one) for one in asked.mix) else model
    speakers = [none if _wants_none(one) else model for one in asked.mix]
    variants = [_variant(*each, asked, context) for each in zip(asked.mix, speakers, strict=True)]
    for one, variant, rows in zip(asked.mix, variants, shares.counts(context.size), strict=True):
        _check_lasts(one, variant, rows)
    settings = [_settings(*each) for each in zip(variants, speakers, shares.weights, strict=True)]
    told = none.chat.describe().get("warnings", ()) if none is not model else ()
    return BuiltMix(Mix(tuple(variants), shares), settings, tuple(told))


def _check_derived(model: ChatModel, where: str) -> None:
    exact = model.exact
    if exact is not None and exact.by_hand is not None:
        raise RecipeError(
            f"{where}: template.pre_query is written by hand and has no place for it: take one of the two"
        )


def _wants_none(one: Asked) -> bool:
    return one.system is not None and not one.system


def _without_system(model: ChatModel, context: Context) -> ChatModel:
    """The model, spoken to without a system prompt."""
    template = model.template.model_copy(update={"system": False})
    return context.models.answering(AnotherTemplate(template), "instruct")


def _variant(one: Asked, speaker: ChatModel, asked: Instruct, context: Context) -> Variant:
    where = f"instruct.mix.{one.name}"
    if one.system:
        check_takes_system(speaker, f"{where}.system", "steer by a prefill, the first words of the instruction")
        _check_derived(speaker, f"{where}.system")
    assert not isinstance(speaker.chat, MessagesChat), "refused before"
    system = one.system or speaker.template.system or None
    words = _words(one, context.seed, where)
    sample = None if system is None else filled(system, {name: some[0] for name, some in words.items()})
    return Variant(
        name=one.name,
        chat=speaker.chat,
        sampling=as_user(over(asked.sampling, one.sampling), speaker, ("\n",) if asked.stop_at_newline else ()),
        start=_start(speaker, sample, one.prefill, where),
        banned=() if one.prefill else context.models.asker.first_token_bans,
        divisor=1.0 if one.prefill else asked.first_token_divisor,
        system=system,
        words=words,
    )


def _words(one: Asked, seed: int, where: str) -> dict[str, Words]:
    """The values of each placeholder. Each variant has an order of its own."""
    lists = {fill.name: words_of(fill, f"{where}.fill.{fill.name}") for fill in one.fill}
    if one.language is not None:
        lists["language"] = (one.language,)
    return {name: Words(items, f"{seed}/mix/{one.name}/{name}") for name, items in lists.items()}


def _check_lasts(one: Asked, variant: Variant, rows: int) -> None:
    """Raise `RecipeError` where a file has fewer words than the variant has rows."""
    for fill in one.fill:
        have = len(variant.words[fill.name].items)
        if fill.file is not None and not fill.repeat and have < rows:
            raise RecipeError(
                f"instruct.mix.{one.name}.fill.{fill.name}: {fill.file} has {have:,}, and the variant {rows:,} rows; "
                "expected one for each: add some, lower the size or the weight, or set repeat: true"
            )


def _start(speaker: ChatModel, sample: str | None, prefill: str | None, where: str) -> Callable[[str | None], Start]:
    """What begins a row's instruction. Tried with a sample of the system prompts, so that what the chat template has to
    say of them is heard before anything is made."""
    exact, chat = speaker.exact, speaker.chat
    assert exact is not None, "instructions are sampled from prompts that we write"
    ids = () if prefill is None else prefill_ids(exact, sample, prefill, f"{where}.prefill")
    start = partial(_start_of, chat=chat, ids=ids, text=prefill or "")
    try:
        start(sample)
    except TemplateError as error:
        raise TemplateError(f"{where}: {error}") from error
    return start


def _start_of(system: str | None, chat: Chat, ids: tuple[int, ...], text: str) -> Start:
    opening = chat.next_user(() if system is None else (Message("system", system),))
    return Start(_followed(opening, ids, text), text)


def _followed(opening: Prompt, ids: tuple[int, ...], text: str) -> Prompt:
    match opening:
        case Tokens():
            return Tokens(opening.ids + ids)
        case Text():
            return Text(opening.text + text)
        case Messages():
            raise AssertionError("instructions are sampled from prompts that we write")


def _settings(variant: Variant, speaker: ChatModel, weight: int) -> dict[str, Any]:
    """All that decides what the variant makes. Prompts with words in them may differ by what the template does to
    these, so that is covered whole."""
    words = {name: [_digest(some.items), some.seed] for name, some in variant.words.items()}
    opening = variant.start(variant.system_of(0)).prompt
    return {
        "name": variant.name,
        "weight": weight,
        "sampling": frozen_sampling(variant.sampling),
        "first_token_bans": variant.banned,
        "system": variant.system,
        "opening": _frozen_opening(opening),
        **({"words": words, **written_by(speaker)} if words else {}),
    }


def _frozen_opening(opening: Prompt) -> dict[str, Any]:
    assert not isinstance(opening, Messages), "instructions are sampled from prompts that we write"
    return {"ids": opening.ids} if isinstance(opening, Tokens) else {"text": opening.text}


def _digest(items: tuple[str, ...]) -> str:
    return blake2b("\n".join(items).encode(), digest_size=16).hexdigest()
