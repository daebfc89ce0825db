"""Replies as judges should not write them, each with what it truly says: made from a seed, the same everywhere.

A reply is a judgment that is known, its texts full of what confuses readers, written down in one of the ways in which
language models get JSON wrong. Knows no reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

LABELS = {
    "quality": ("very poor", "poor", "average", "good", "excellent"),
    "difficulty": ("very easy", "easy", "medium", "hard", "very hard"),
    "category": (
        "Information seeking", "Reasoning", "Planning", "Editing", "Coding & Debugging", "Math", "Role playing",
        "Data analysis", "Creative writing", "Advice seeking", "Brainstorming", "Others",
    ),
}  # fmt: skip
KEYS = {"quality": "input_quality", "difficulty": "difficulty", "category": "task_category"}
TEXTS = {"quality": ("explanation",), "difficulty": ("intent", "knowledge"), "category": ()}

SAID = (
    "The task is clear, complete and put with care.",
    "It isn't clear what 'it' means; the user's goal is missing.",
    'It asks for a "short poem", and for nothing else.',
    "One must know {braces}, [brackets] and (others): all of them.",
    "See https://example.org/a//b#c, then 50 % of /* this */.",
    "A good question, though a poor one would be very easy.",
    'The user says "difficulty": "hard" and means it.',
    "Zeile eins,\nZeile zwei: \u201esehr gut\u201c gesagt.",
    "\u8bf7\u5199\u4e00\u9996\u8bd7\uff1a\u300c\u6625\u300d\uff0c\u5f88\u7b80\u5355\u3002",
    "to know C:\\temp\\new, and what \\n is",
    "\u00abBonjour\u00bb, dit-il \U0001f600; input_quality: excellent?",
    "x",
)


@dataclass(frozen=True)
class Judgment:
    """What a reply truly says."""

    tag: str
    label: str
    texts: dict[str, str]

    @property
    def fields(self) -> dict[str, object]:
        """In the order in which the prompts ask for them."""
        more: dict[str, object] = {"other_tags": []} if self.tag == "category" else {}
        return {**self.texts, KEYS[self.tag]: self.label, **more}


@dataclass(frozen=True)
class Reply:
    """A reply, what it is a case of, and its label; None where it says none, or two."""

    kind: str
    tag: str
    text: str
    truth: str | None


def replies(count: int, seed: int) -> list[Reply]:
    """As many of each kind as go into `count`, in turn."""
    rng = Random(seed)
    made = []
    for n in range(count):
        kind = list(KINDS)[n % len(KINDS)]
        judgment = _judgment(rng)
        text, truth = KINDS[kind](judgment, rng)
        made.append(Reply(kind, judgment.tag, text, truth))
    return made


def _judgment(rng: Random) -> Judgment:
    tag = rng.choice(list(LABELS))
    return Judgment(tag, rng.choice(LABELS[tag]), {name: rng.choice(SAID) for name in TEXTS[tag]})


Made = tuple[str, str | None]


def _plain(judgment: Judgment, **options: object) -> str:
    return json.dumps(judgment.fields, ensure_ascii=False, **options)  # type: ignore[arg-type]


def whole(judgment: Judgment, rng: Random) -> Made:
    return json.dumps(judgment.fields, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 2))), judgment.label


def fenced(judgment: Judgment, rng: Random) -> Made:
    fence = rng.choice(("```json\n{}\n```", "```\n{}\n```", "``` JSON\n{}```", "```json\n{}"))
    return fence.replace("{}", _plain(judgment, indent=2)), judgment.label


def in_prose(judgment: Judgment, rng: Random) -> Made:
    before = rng.choice(("Sure! Here is the JSON object:\n\n", "My verdict {as asked}: ", "JSON: ", "<answer>"))
    after = rng.choice(
        ("\n\nLet me know if you need {more}!", " Hope this helps.", "</answer>", "\n\nNote: easy, good.")
    )
    return before + _plain(judgment) + after, judgment.label


def other_language(judgment: Judgment, rng: Random) -> Made:
    before = rng.choice(("Hier ist das Ergebnis:\n", "Voici l'objet JSON :\n", "\u4ee5\u4e0b\u662f\u7ed3\u679c\uff1a\n", "\u0412\u043e\u0442 \u043e\u0442\u0432\u0435\u0442:\n"))  # fmt: skip # noqa: E501
    return before + _plain(judgment), judgment.label


def translated_label(judgment: Judgment, rng: Random) -> Made:
    """A label in a language that was not asked for is none that can be kept."""
    foreign = rng.choice(("gut", "schlecht", "facile", "\u4e2d\u7b49", "\u0441\u043b\u043e\u0436\u043d\u043e", "Mathematik"))  # fmt: skip # noqa: E501
    return json.dumps({**judgment.fields, KEYS[judgment.tag]: foreign}, ensure_ascii=False), None


def commented(judgment: Judgment, rng: Random) -> Made:
    lines = _plain(judgment, indent=2).splitlines()
    comment = rng.choice((" // as asked: very poor to excellent", " # my choice", " /* { not this } */"))
    place = rng.randrange(len(lines) - 1)
    lines[place] += comment
    return "\n".join(lines), judgment.label


def trailing_comma(judgment: Judgment, rng: Random) -> Made:
    end = rng.choice((",}", ",\n}", ", }", ",,}"))
    return _plain(judgment)[:-1] + end, judgment.label


def missing_comma(judgment: Judgment, rng: Random) -> Made:
    lines = _plain(judgment, indent=2).splitlines()
    commas = [place for place, line in enumerate(lines) if line.endswith(",")]
    if commas:
        place = rng.choice(commas)
        lines[place] = lines[place][:-1]
    return "\n".join(lines), judgment.label


def python_dict(judgment: Judgment, rng: Random) -> Made:
    extra = rng.choice(({}, {"sure": True}, {"note": None}, {"scores": (1, 2.5)}))
    return repr({**extra, **judgment.fields}), judgment.label


def single_quotes(judgment: Judgment, rng: Random) -> Made:
    """Apostrophes inside are not escaped."""
    fields = [f"'{key}': '{value}'" if isinstance(value, str) else f"'{key}': []" for key, value in _fields(judgment)]
    return "{" + ", ".join(fields) + "}", judgment.label


def unescaped_quotes(judgment: Judgment, rng: Random) -> Made:
    fields = [f'"{key}": "{value}"' if isinstance(value, str) else f'"{key}": []' for key, value in _fields(judgment)]
    return "{" + rng.choice((", ", ",\n")).join(fields) + "}", judgment.label


def smart_quotes(judgment: Judgment, rng: Random) -> Made:
    opens, closes = rng.choice(("\u201c\u201d", "\u201e\u201c", "\u2018\u2019", "\u201d\u201d"))
    fields = [
        f"{opens}{key}{closes}: {opens}{value}{closes}" if isinstance(value, str) else f"{opens}{key}{closes}: []"
        for key, value in _fields(judgment)
    ]
    return "{" + ", ".join(fields) + "}", judgment.label


def bare_keys(judgment: Judgment, rng: Random) -> Made:
    mark = rng.choice((": ", ":", " = ", " => "))
    fields = [f"{key}{mark}{json.dumps(value, ensure_ascii=False)}" for key, value in _fields(judgment)]
    return "{" + ", ".join(fields) + "}", judgment.label


def bare_values(judgment: Judgment, rng: Random) -> Made:
    fields = [
        f'"{key}": {value}' if key == KEYS[judgment.tag] else f'"{key}": {json.dumps(value, ensure_ascii=False)}'
        for key, value in _fields(judgment)
    ]
    return "{" + ", ".join(fields) + rng.choice(("}", "\n}")), judgment.label


def key_variant(judgment: Judgment, rng: Random) -> Made:
    key = KEYS[judgment.tag]
    variants = [
        key.upper(), key.replace("_", " "), key.replace("_", "-"), key.title(), key.title().replace("_", " "),
        key.split("_")[-1], "".join(part.capitalize() for part in key.split("_")), f" {key} ", f"{key}:",
    ]  # fmt: skip
    named = {name if name != key else rng.choice(variants): value for name, value in judgment.fields.items()}
    return json.dumps(named, ensure_ascii=False), judgment.label


def label_variant(judgment: Judgment, rng: Random) -> Made:
    label = judgment.label
    variants = [
        label.upper(), label.title(), f" {label}.", f"**{label}**", label.replace(" ", "_"), label.replace(" ", "-"),
        label.replace("&", "and"), label.replace("&", "&amp;"), f"{label} (clearly)", f"{label} - as it seems",
        label.removesuffix("s") if label == "Others" else label, f"<{label}>",
    ]  # fmt: skip
    return json.dumps({**judgment.fields, KEYS[judgment.tag]: rng.choice(variants)}, ensure_ascii=False), label


def two_labels(judgment: Judgment, rng: Random) -> Made:
    """Which of them is meant cannot be told."""
    other = rng.choice([label for label in LABELS[judgment.tag] if label != judgment.label])
    both = rng.choice(("{} to {}", "{}/{}", "{} or {}", "{}, {}", "between {} and {}", "not {} but {}", "{} ({})"))
    label = both.format(judgment.label, other)
    return json.dumps({**judgment.fields, KEYS[judgment.tag]: label}, ensure_ascii=False), None


def the_shape_itself(judgment: Judgment, rng: Random) -> Made:
    """The prompt's last line, given back."""
    labels = LABELS[judgment.tag]
    label = "category" if judgment.tag == "category" else f"{', '.join(labels[:-1])} or {labels[-1]}"
    return json.dumps({**judgment.fields, KEYS[judgment.tag]: label}), None


def shape_then_reply(judgment: Judgment, rng: Random) -> Made:
    """It says two things, of which one is no label: asked again, it will say one."""
    return f"{the_shape_itself(judgment, rng)[0]}\n\n{_plain(judgment)}", None


def two_equal_objects(judgment: Judgment, rng: Random) -> Made:
    between = rng.choice(("\n", "\n\n```json\n", " ", "\nOnce more: "))
    return _plain(judgment) + between + _plain(judgment, indent=1), judgment.label


def two_different_objects(judgment: Judgment, rng: Random) -> Made:
    other = rng.choice([label for label in LABELS[judgment.tag] if label != judgment.label])
    second = json.dumps({**judgment.fields, KEYS[judgment.tag]: other}, ensure_ascii=False)
    return f"{_plain(judgment)}\n{second}", None


def key_twice(judgment: Judgment, rng: Random) -> Made:
    other = rng.choice([label for label in LABELS[judgment.tag] if label != judgment.label])
    return _plain(judgment)[:-1] + f', "{KEYS[judgment.tag]}": "{other}"}}', None


def nested(judgment: Judgment, rng: Random) -> Made:
    outer = rng.choice(("result", "answer", "judgment"))
    wrapped = rng.choice(({outer: judgment.fields}, [judgment.fields], {outer: {"data": judgment.fields}}))
    return json.dumps(wrapped, ensure_ascii=False), judgment.label


def as_a_list(judgment: Judgment, rng: Random) -> Made:
    return json.dumps({**judgment.fields, KEYS[judgment.tag]: [judgment.label]}, ensure_ascii=False), judgment.label


def escaped_whole(judgment: Judgment, rng: Random) -> Made:
    plain = Judgment(judgment.tag, judgment.label, dict.fromkeys(judgment.texts, "It is clear."))
    return json.dumps(json.dumps(plain.fields)), judgment.label


def cut_in_a_text(judgment: Judgment, rng: Random) -> Made:
    """Cut before the label: what it would have said is unknown."""
    text = _plain(judgment)
    end = text.index(f'"{KEYS[judgment.tag]}"')
    return text[: rng.randint(1, max(1, end))], None


def cut_in_the_label(judgment: Judgment, rng: Random) -> Made:
    """A label that breaks off may be another: "very" may become "very poor", and "good" no less."""
    text = _plain(judgment)
    start = text.rindex(json.dumps(judgment.label, ensure_ascii=False)) + 1
    return text[: rng.randint(start, start + len(judgment.label))], None


def cut_behind_the_label(judgment: Judgment, rng: Random) -> Made:
    text = _plain(judgment)
    start = text.rindex(json.dumps(judgment.label, ensure_ascii=False))
    return text[: rng.randint(start + len(judgment.label) + 2, len(text) - 1)], judgment.label


def thought_before(judgment: Judgment, rng: Random) -> Made:
    other = rng.choice(LABELS[judgment.tag])
    thought = json.dumps({KEYS[judgment.tag]: other})
    return f"<think>\nPerhaps {thought}? No.\n</think>\n{_plain(judgment)}", judgment.label


def thought_without_end(judgment: Judgment, rng: Random) -> Made:
    return f"<think>\nPerhaps {_plain(judgment)}? Let me see", None


def quoting_the_instruction(judgment: Judgment, rng: Random) -> Made:
    """The instruction asked for a label, and the judge gives its words back inside a text."""
    other = rng.choice([label for label in LABELS[judgment.tag] if label != judgment.label])
    quote = f'The user writes {{"{KEYS[judgment.tag]}": "{other}"}}, and wants that.'
    fields = {"explanation": quote, KEYS[judgment.tag]: judgment.label}
    return json.dumps(fields, ensure_ascii=False), judgment.label


def following_the_instruction(judgment: Judgment, rng: Random) -> Made:
    """The judge does what the text asks, and judges nothing."""
    done = rng.choice((
        "def f(x):\n    return {'a': x, \"b\": [1, 2]}", "BANANA", "Roses are red,\nviolets are blue.",
        '{"name": "Ada", "age": 36}', "1. Buy milk\n2. Go home", "I am sorry, but I cannot help with that.", "",
    ))  # fmt: skip
    return done, None


def prose_line(judgment: Judgment, rng: Random) -> Made:
    name = {"quality": "Quality", "difficulty": "Difficulty", "category": "Category"}[judgment.tag]
    label = judgment.label
    lines = rng.choice((
        f"{name}: {label}", f"**{name}:** {label.title()}", f"- {name}: {label}.\n- Explanation: It's short.",
        f"The {name.lower()} is {label}.", f"Input {name.lower()} - {label}", f"{name}: {label} (it is short)",
        f"{KEYS[judgment.tag]}: {label}", f"## {name}: `{label}`\n\nThat is what I think.", label, f"{label}.",
    ))  # fmt: skip
    return lines, label


def prose_of_two_minds(judgment: Judgment, rng: Random) -> Made:
    other = rng.choice([label for label in LABELS[judgment.tag] if label != judgment.label])
    name = {"quality": "Quality", "difficulty": "Difficulty", "category": "Category"}[judgment.tag]
    return rng.choice((
        f"{name}: {judgment.label}\n{name}: {other}", f"{name}: {judgment.label}, but it could be {other}.",
        f"The {name.lower()} is not {judgment.label}.", f"It may be {judgment.label}, it may be {other}.",
    )), None  # fmt: skip


def _fields(judgment: Judgment) -> list[tuple[str, object]]:
    return list(judgment.fields.items())


KINDS: dict[str, Callable[[Judgment, Random], Made]] = {
    make.__name__.replace("_", " "): make
    for make in (
        whole, fenced, in_prose, other_language, translated_label, commented, trailing_comma, missing_comma,
        python_dict, single_quotes, unescaped_quotes, smart_quotes, bare_keys, bare_values, key_variant, label_variant,
        two_labels, the_shape_itself, shape_then_reply, two_equal_objects, two_different_objects, key_twice, nested,
        as_a_list, escaped_whole, cut_in_a_text, cut_in_the_label, cut_behind_the_label, thought_before,
        thought_without_end, quoting_the_instruction, following_the_instruction, prose_line, prose_of_two_minds,
    )
}  # fmt: skip
