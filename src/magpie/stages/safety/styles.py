"""What guard models say, by the style of each: a verdict, the kinds of harm, and how sure the guard is.

Knows the words of guards, as their model cards tell them; knows no chat template, no threshold and no row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp

from magpie.seams import Completion, Logprob
from magpie.stages.judging.letters import LEAST_MASS, distribution


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard says of one text."""

    unsafe: bool
    categories: tuple[str, ...] = ()
    """Of harm, by the guard's own names or codes."""
    harm: float | None = None
    """The probability of harm, where the engine tells probabilities."""


Reader = Callable[[Completion, bool], Verdict | None]
"""Takes the guard's reply, and whether it was shown a response; None for a reply that is no verdict."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one kind of guard replies."""

    read: Reader
    max_tokens: int
    """The most tokens of a reply."""


# -- Llama Guard: "safe", or "unsafe" and a line of codes -------------------------------------------------------------

_LLAMA_GUARD = re.compile(r"\s*(safe|unsafe)\b[\s:]*((?:[SO]\d+[,\s]*)*)")


def read_llama_guard(completion: Completion, answered: bool) -> Verdict | None:  # noqa: ARG001 (all readers take it)
    """The probability of "unsafe" as first word is the score that its model card names."""
    match = _LLAMA_GUARD.match(completion.text)
    if match is None:
        return None
    unsafe = match[1] == "unsafe"
    codes = tuple(dict.fromkeys(re.findall(r"[SO]\d+", match[2]))) if unsafe else ()
    return Verdict(unsafe, codes, _share(_place(completion, ""), "unsafe", "safe"))


# -- WildGuard: three lines, of the request, of a refusal, of the response --------------------------------------------


def read_wildguard(completion: Completion, answered: bool) -> Verdict | None:
    """The line of what was judged: the response where there is one."""
    marker = "harmful response:" if answered else "harmful request:"
    match = re.search(rf"{marker}\s*(yes|no)\b", completion.text, re.IGNORECASE)
    if match is None:
        return None
    return Verdict(match[1].lower() == "yes", harm=_share(_place(completion, marker), "yes", "no"))


# -- ShieldGemma, Granite Guardian: Yes where the guideline is broken, or the risk is there ---------------------------


def read_yes_no(completion: Completion, answered: bool) -> Verdict | None:  # noqa: ARG001
    match = re.match(r"\W*(yes|no)\b", completion.text, re.IGNORECASE)
    if match is None:
        return None
    return Verdict(match[1].lower() == "yes", harm=_share(_place(completion, ""), "yes", "no"))


def read_granite_guardian(completion: Completion, answered: bool) -> Verdict | None:
    """From 3.3 on it may think, and its verdict stands between `<score>` and `</score>`."""
    match = re.search(r"<score>\s*(yes|no)\s*</score>", completion.text, re.IGNORECASE)
    if match is None:
        return None if "<think>" in completion.text else read_yes_no(completion, answered)
    return Verdict(match[1].lower() == "yes", harm=_share(_place(completion, "<score>"), "yes", "no"))


# -- any chat model, asked by safety.jinja: a letter -------------------------------------------------------------------


def read_letter(letters: Mapping[str, str]) -> Reader:
    """letters: what each stands for, the first for safe. Where no probabilities are told, the letter that was said."""

    def read(completion: Completion, answered: bool) -> Verdict | None:  # noqa: ARG001
        shares = distribution(completion, tuple(letters)) if completion.logprobs else None
        if shares is None:
            return None if completion.logprobs else _said_letter(completion.text, letters)
        kinds = tuple(letters.values())[1:]
        worst = max(range(len(kinds)), key=lambda place: shares[place + 1])
        harm = 1.0 - shares[0]
        return Verdict(harm >= shares[0], (kinds[worst],), harm)

    return read


def _said_letter(text: str, letters: Mapping[str, str]) -> Verdict | None:
    match = re.match(r"\W*([A-Z])\b", text)
    if match is None or match[1] not in letters:
        return None
    safe = match[1] == next(iter(letters))
    return Verdict(not safe, () if safe else (letters[match[1]],))


STYLES: Mapping[str, Style] = {
    "llama_guard": Style(read_llama_guard, 48),
    "wildguard": Style(read_wildguard, 48),
    "shield_gemma": Style(read_yes_no, 1),
    "granite_guardian": Style(read_granite_guardian, 64),
}
"""Guards that are given the conversation itself, and ask by their own chat template."""


# -- probabilities -----------------------------------------------------------------------------------------------------


def _place(completion: Completion, marker: str) -> tuple[Logprob, ...]:
    """The likeliest tokens at the first place behind `marker` that is not blank; none where there is no such place.

    Replies are greedy: what was sampled is the likeliest.
    """
    pieces = [likeliest[0].text.casefold() if likeliest else "" for likeliest in completion.logprobs]
    said = "".join(pieces)
    place = behind_last_word = 0
    for likeliest, piece in zip(completion.logprobs, pieces, strict=True):
        if piece.strip():
            if said.endswith(marker, 0, behind_last_word):
                return likeliest
            behind_last_word = place + len(piece.rstrip())
        place += len(piece)
    return ()


def _share(likeliest: tuple[Logprob, ...], word: str, other: str) -> float | None:
    """The probability of `word` against `other`, by the tokens that begin one of them."""
    shares = {begun: sum(exp(one.logprob) for one in likeliest if _begins(one.text, begun)) for begun in (word, other)}
    mass = sum(shares.values())
    return shares[word] / mass if mass >= LEAST_MASS else None


def _begins(text: str, word: str) -> bool:
    piece = text.strip().casefold()
    return bool(piece) and word.startswith(piece)
