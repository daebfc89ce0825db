"""Reads a judge's reply: the label that it gives, and the texts beside it, in whatever form it comes.

A reply that can be read in two ways is not read. Knows forms of replies; knows no prompt, no model and no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from magpie.stages.judging.labels import Labels
from magpie.stages.judging.objects import Pairs, find_objects

LONGEST_TEXT = 2000
"""Characters of a text beside the label that are kept."""


@dataclass(frozen=True)
class Form:
    """What a reply should be: an object with a label under `key`, and texts."""

    key: str
    labels: Labels
    also: tuple[str, ...] = ()
    """Other names that judges give to the key."""
    texts: tuple[str, ...] = ()
    """Keys of texts beside the label; one that is missing is no fault."""
    more: str | None = None
    """The key of a list with further labels."""

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(map(_bare, (self.key, *self.also)))

    @cached_property
    def prose(self) -> re.Pattern[str]:
        """A line that names the label: "Quality: good", "**Input quality** is good."."""
        names = "|".join(re.escape(name).replace("_", r"[ _\-]?") for name in (self.key, *self.also))
        subject = rf"(?:the )?(?:\w++ )?(?:{names})(?: level| label| rating)?"
        before, between = r"^[^\w\n]*+", r"[*_`\"' ]*(?:[:=\uff1a]| is | - )"
        return re.compile(rf"{before}{subject}{between}(?P<said>.+)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """What a reply says."""

    label: str
    texts: Mapping[str, str] = field(default_factory=dict)
    more: tuple[str, ...] = ()


_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


def read(reply: str, form: Form) -> Reading | None:
    """The reply's label and texts; None where it names no label, or more than one."""
    reply = _THOUGHT.sub("", reply).rpartition("</think>")[2].strip()
    found = find_objects(reply)
    if found.looks_like_objects:
        return _read_objects(found.objects, form)
    label = _read_prose(reply, form)
    return None if label is None else Reading(label)


def _read_objects(objects: tuple[Pairs, ...], form: Form) -> Reading | None:
    """Of several objects that give a label, all must give the same; the last one's texts are kept."""
    holders = [holder for one in objects for holder in _holders(one, form)]
    said = {_label(value, form) for holder in holders for value in _values(holder, form)}
    if len(said) != 1 or (label := said.pop()) is None:
        return None
    return Reading(label, _texts(holders[-1], form), _more(holders[-1], form, label))


def _holders(pairs: Pairs, form: Form) -> Iterator[Pairs]:
    """The objects, this one or those inside it, that have the key, in the order in which they are written. They may be
    as deep in each other as a reply is long."""
    waiting = [pairs]
    while waiting:
        one = waiting.pop()
        if _values(one, form):
            yield one
        else:
            waiting += [value for _, value in reversed(one) if _is_object(value)]


def _values(pairs: Pairs, form: Form) -> list[Any]:
    """What stands under the key; only where it does not, what stands under another name of it."""
    exact = [value for key, value in pairs if _bare(key) == _bare(form.key)]
    return exact or [value for key, value in pairs if _bare(key) in form.keys]


def _label(value: Any, form: Form) -> str | None:
    if isinstance(value, list) and not _is_object(value) and len(value) == 1:
        value = value[0]
    return form.labels.read(value) if isinstance(value, str) else None


def _texts(pairs: Pairs, form: Form) -> dict[str, str]:
    known = {_bare(name): name for name in form.texts}
    told = {known[_bare(key)]: value for key, value in pairs if _bare(key) in known}
    plain = {name: ", ".join(value) if _is_texts(value) else value for name, value in told.items()}
    return {name: _whole(value) for name, value in plain.items() if isinstance(value, str) and value.strip()}


def _more(pairs: Pairs, form: Form, label: str) -> tuple[str, ...]:
    value = next((value for key, value in pairs if form.more and _bare(key) == _bare(form.more)), ())
    told = re.split(r"[,;]", value) if isinstance(value, str) else value if _is_texts(value) else ()
    read_each = (form.labels.read(one) for one in told)
    return tuple(dict.fromkeys(one for one in read_each if one is not None and one != label))


def _read_prose(reply: str, form: Form) -> str | None:
    """What a reply without any brace says: lines that are a label or name it, as long as all say the same."""
    alone = {label for line in reply.splitlines() if (label := form.labels.read(line)) is not None}
    said = alone | {form.labels.read(match["said"]) for match in form.prose.finditer(reply)}
    return said.pop() if len(said) == 1 else None


def _is_object(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, tuple) for one in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _bare(key: str) -> str:
    """A key's letters alone: `inputQuality`, "Input Quality" and `input_quality` are one."""
    return "".join(sign for sign in key.casefold() if sign.isalnum())


def _whole(text: str) -> str:
    """Valid Unicode, not endless: half a pair of surrogates cannot be kept."""
    return text.strip()[:LONGEST_TEXT].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
