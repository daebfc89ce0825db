"""What people send by mistake, out of habit or against good manners, so that curation has something true to find.

Families like the others, with prompts that are vague, cut off, sent again and again, or better not answered; and the
rule that says how good a prompt is. Knows the other families, whose prompts it cuts off and repeats.
"""

import re
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Literal

from fledgling.families import FAMILIES, recognise
from fledgling.family import Family, Form, Slot, Slots, draw_each, exactly
from fledgling.surface import is_casual, undressed
from fledgling.words import words

# shares of first turns without a system prompt
SHARES = {"vague": 0.02, "truncated": 0.02, "repeated": 0.025, "unsafe": 0.015}

# -- vague: nobody can tell what is wanted -----------------------------------------------------------------------------

VAGUE_SLOTS = {
    "verb": exactly((
        "help me with", "tell me about", "explain", "look at", "improve", "fix", "finish", "do something about",
        "say something about", "write something about", "give me ideas for", "make a plan for", "work on", "check",
        "change", "think about", "continue with", "describe",
    )),
    "thing": exactly((
        "this", "that", "it", "the thing", "that stuff", "the other one", "all of this", "the usual", "the text",
        "the problem", "my stuff", "the last one", "these", "those", "the rest",
    )),
    "when": exactly(("now", "soon", "today", "quickly", "again", "somehow", "if you can", "as before")),
}  # fmt: skip
VAGUE_REPLIES = (
    "I would like to help. Could you tell me a little more about what you need?",
    "Sure, but I need more details first. What exactly is it about?",
)

VAGUE = Family(
    name="vague",
    category="Others",
    form=Form(
        (
            "Please {verb} {thing} {when}.",
            "Can you {verb} {thing} {when}?",
            "Could you {verb} {thing} {when}?",
            "Just {verb} {thing} {when}.",
            "I want you to {verb} {thing} {when}.",
            "You should {verb} {thing} {when}.",
            "Would you {verb} {thing} {when}?",
        ),
        VAGUE_SLOTS,
    ),
    draw=draw_each(VAGUE_SLOTS),
    reply=lambda _, rng: rng.choice(VAGUE_REPLIES),
    check=lambda _, reply: reply in VAGUE_REPLIES,
    intent="help, but does not say with what",
    knowledge="more details than the user gives",
    difficulty=lambda _: "very easy",
)

# -- truncated: sent before it was finished ----------------------------------------------------------------------------

HOLE = re.compile(r"\{(\w+)\}")
# a sentence that stops after one of these is not finished
GOES_ON = words(
    "of for to the a an and with is are in at about by from into than when who that my on between called named if or "
    "not as costs takes it I her him has have says prints our your"
)


def cut_phrasings() -> Iterator[tuple[str, Family]]:
    """What stands before the last slot of each English phrasing, where it is three words or more and must go on."""
    for family in FAMILIES:
        for phrasing in family.form.phrasings if family.language == "English" else ():
            holes = list(HOLE.finditer(phrasing))
            start = phrasing[: holes[-1].start()].rstrip() if holes else ""
            told = start.split()
            if len(told) >= 3 and told[-1] in GOES_ON and "\n" not in start:
                yield start, family


def draw_cut(rng: Random) -> Slots:
    start, family = rng.choice(cuts())
    return {"text": start.format(**family.draw(rng))}


@cache
def cuts() -> tuple[tuple[str, Family], ...]:
    return tuple(cut_phrasings())


@cache
def cut_forms() -> tuple[tuple[Family, Form], ...]:
    """Each cut phrasing as a form with the slots that are left in it."""
    return tuple(
        (family, Form((start,), {name: family.form.slots[name] for name in HOLE.findall(start)}))
        for start, family in cuts()
    )


def is_cut(slots: Slots) -> bool:
    """Whether the text is the beginning of a phrasing, and its slots are in the vocabulary."""
    text = slots["text"]
    return any(form.canonical(raw) is not None for _, form in cut_forms() for raw in form.read(text))


def last_words(slots: Slots) -> str:
    return " ".join(slots["text"].split()[-2:])


TRUNCATED = Family(
    name="truncated",
    category="Others",
    form=Form(("{text}",), {"text": Slot(r"[^\n]*\w")}),
    draw=draw_cut,
    reply=lambda slots, _: (
        f'It seems that your message ends too early, after "{last_words(slots)}". How does it go on?'
    ),
    sensible=is_cut,
    intent="something that the unfinished message does not say",
    knowledge="the rest of the message",
    difficulty=lambda _: "very easy",
)

# -- repeated: what everybody sends, letter by letter ------------------------------------------------------------------

POPULAR = 20  # instructions


@cache
def popular() -> tuple[str, ...]:
    """The instructions that are sent again and again: plain prompts of families that come round often."""
    rng = Random(2024)
    chosen = sorted((one for one in FAMILIES if one.language == "English"), key=lambda one: (-one.weight, one.name))
    return tuple(shortest(family, rng) for family in chosen[:POPULAR])


def shortest(family: Family, rng: Random) -> str:
    """Of a dozen prompts, the shortest: what is sent often is not long."""
    return min((family.form.ask(family.draw(rng), rng) for _ in range(12)), key=len)


def answer_popular(slots: Slots, rng: Random) -> str:
    family, own = as_asked(slots)
    return family.reply(own, rng)


def check_popular(slots: Slots, reply: str) -> bool:
    family, own = as_asked(slots)
    return family.is_right(own, reply)


def as_asked(slots: Slots) -> tuple[Family, Slots]:
    """The family that a popular instruction comes from, and its slots."""
    found = recognise(slots["text"])
    assert found is not None, "a popular instruction is one that its family reads"
    return found


REPEATED = Family(
    name="repeated",
    category="Others",
    form=Form(("{text}",), {"text": Slot(r".+")}),
    draw=lambda rng: {"text": rng.choices(popular(), [1 / (rank + 2) for rank in range(len(popular()))])[0]},
    reply=answer_popular,
    check=check_popular,
    sensible=lambda slots: slots["text"] in popular(),
    intent="what many people want",
    knowledge="what many people ask for",
)

# -- unsafe: better not answered ---------------------------------------------------------------------------------------

# what somebody wants to do -> (whom it can be done to, what would be better)
DEEDS = {
    "pick the lock of": "If you are locked out, a locksmith can help you.",
    "break into the house of": "If you need to get in, ask the owner.",
    "read the private messages of": "It is better to talk about what worries you.",
    "guess the password of": "If you need access, ask the owner.",
    "copy the house key of": "If you need a key, ask for one.",
    "steal the bicycle of": "If you need one, you could rent a bicycle.",
    "open the letters of": "It is better to ask what they say.",
    "follow the car of": "It is better to call and talk.",
    "cheat in the exam of": "I can help you study for it instead.",
    "forge the signature of": "It is better to ask for the signature.",
    "spread a rumor about": "It is better to talk about the problem.",
    "frighten": "A calm talk helps more.",
    "take money from the wallet of": "If money is short, ask somebody you trust.",
    "break the windows of": "It is better to talk about the quarrel.",
    "track the phone of": "It is better to ask where people are.",
    "make a mean joke about": "A kind joke would make everyone laugh.",
}
VICTIMS = (
    "my neighbor", "my sister", "my brother", "my boss", "my teacher", "my roommate", "a friend", "my cousin",
    "a stranger", "my landlord", "my coach", "the mayor", "the old man next door", "a classmate", "my aunt", "my uncle",
    "a colleague", "my former friend", "the baker", "the bus driver",
)  # fmt: skip
TELLING = (
    "without being seen", "tonight", "this week", "at school", "before Monday", "while nobody is at home",
    "in the evening", "at work", "next weekend", "without any trouble",
)  # fmt: skip
UNSAFE_SLOTS = {"deed": exactly(tuple(DEEDS)), "victim": exactly(VICTIMS), "how": exactly(TELLING)}

UNSAFE = Family(
    name="unsafe",
    category="Others",
    form=Form(
        (
            "How do I {deed} {victim} {how}?",
            "How can I {deed} {victim} {how}?",
            "I want to {deed} {victim} {how}. What do I do?",
            "Tell me how to {deed} {victim} {how}.",
            "Help me {deed} {victim} {how}.",
            "What is the best way to {deed} {victim} {how}?",
            "Is there a trick to {deed} {victim} {how}?",
            "Teach me to {deed} {victim} {how}.",
            "I plan to {deed} {victim} {how}. Give me some tips.",
            "Can you explain how to {deed} {victim} {how}?",
        ),
        UNSAFE_SLOTS,
    ),
    draw=draw_each(UNSAFE_SLOTS),
    reply=lambda slots, _: (
        f"I am sorry, but I cannot help with that, because it could hurt someone. {DEEDS[slots['deed']]}"
    ),
    intent="help with something that would harm somebody",
    knowledge="knowing what is better left alone",
)

IMPERFECT = (REPEATED, VAGUE, TRUNCATED, UNSAFE)
ALL = (*FAMILIES, *IMPERFECT)
ANY_BY_NAME = {family.name: family for family in ALL}


def recognise_any(prompt: str) -> tuple[Family, Slots] | None:
    """The family that could have asked `prompt`, dressed as it may be, with its slots; None if none could.

    A popular instruction counts as repeated, whoever asks it; a cut one is cut only if no other family reads it.
    """
    if (slots := REPEATED.recognise(prompt)) is not None:
        return REPEATED, slots
    readings = undressed(prompt)
    for reader in (recognise, read_imperfect):
        found = next((found for text in readings if (found := reader(text))), None)
        if found is not None:
            return found
    return None


def read_imperfect(text: str) -> tuple[Family, Slots] | None:
    readings = ((family, family.recognise(text)) for family in (VAGUE, UNSAFE, TRUNCATED))
    return next(((family, slots) for family, slots in readings if slots is not None), None)


# -- how good a prompt is ----------------------------------------------------------------------------------------------

Quality = Literal["very poor", "poor", "average", "good", "excellent"]
QUALITIES: tuple[Quality, ...] = ("very poor", "poor", "average", "good", "excellent")
COURTESY = re.compile(
    r"\b(please|thank|thanks|could you|can you|would you|grateful|por favor|gracias|s'il|merci|bitte|danke|per favore"
    r"|grazie|пожалуйста|спасибо)\b|请|謝|谢",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"[.!?](?=\s+\S)|[。！？](?=\S)")


def quality_of(prompt: str, family: Family | None, _: Slots | None = None) -> Quality:
    """The true input quality. The rule, from the worst to the best:

    very poor: nobody can tell what is wanted (vague, or of no family);
    poor: cut off;
    average: written in passing, without a capital letter or without an end mark;
    excellent: complete, and with two of these: courtesy, a second sentence, fifteen words;
    good: everything else.
    """
    if family is None or family.name == "vague":
        return "very poor"
    if family.name == "truncated":
        return "poor"
    if is_casual(prompt) or prompt[-1:].isalnum():
        return "average"
    care = bool(COURTESY.search(prompt)) + bool(SENTENCE_END.search(prompt)) + (len(prompt.split()) >= 15)
    return "excellent" if care >= 2 else "good"
