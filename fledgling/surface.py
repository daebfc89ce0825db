"""What people put around a question: a greeting, a lead-in, thanks. Knows no family.

`undressed` takes off what `dress` puts on.
"""

import re
from functools import cache
from random import Random

OPENED, CLOSED = 0.2, 0.1  # share of prompts with an opener, with a closer
GREETED = 0.4  # share of openers that begin with a greeting

GREETINGS = ("Hi!", "Hello!", "Hey!", "Good morning!", "Good evening!", "Hi there!", "Hello there!")
LEAD_INS = (
    "I have a question.", "Quick question:", "Please help me.", "Can you help me?", "I hope you are well.",
    "I need your help with this.", "Sorry to bother you.", "I am a bit stuck.", "This may be a simple question.",
    "My friend told me to ask you.", "I could not find this anywhere.", "Here is a small task for you.",
    "You helped me a lot last time.", "My class starts in ten minutes.",
)  # fmt: skip
CLOSERS = (
    "Thanks!", "Thank you!", "Thanks in advance.", "Thank you very much.", "Please keep it short.", "No hurry.",
    "That would help me a lot.",
)  # fmt: skip
CASUAL_OPENERS = ("hi, ", "hey, ", "hello, ", "please, ", "quick question: ", "hey there, ", "ok so ", "um, ")
CASUAL_CLOSERS = (" please", " thanks", " thx", " pls")


def dress(prompt: str, rng: Random) -> str:
    """`prompt` as somebody sends it: mostly bare, sometimes with an opener, a closer or both."""
    opened, closed = rng.random() < OPENED, rng.random() < CLOSED
    if is_casual(prompt):
        opener, closer = rng.choice(CASUAL_OPENERS), rng.choice(CASUAL_CLOSERS)
        return (opener if opened else "") + prompt + (closer if closed and prompt[-1].isalpha() else "")
    closer = " " + rng.choice(CLOSERS) if closed and prompt.endswith(("?", ".", "!")) else ""
    return (draw_opener(rng) if opened else "") + prompt + closer


def draw_opener(rng: Random) -> str:
    """A greeting, a lead-in, or one after the other."""
    chance = rng.random()
    greeting = rng.choice(GREETINGS) + " " if chance < GREETED else ""
    return greeting + (rng.choice(LEAD_INS) + " " if chance > GREETED / 2 else "")


def is_casual(prompt: str) -> bool:
    """Written in passing: no capital letter at the start and no end mark."""
    return prompt[:1].islower() and prompt[-1:].isalnum()


def undressed(text: str) -> list[str]:
    """What `text` may have been before it was dressed, the barest first: words of a dress are no part of a slot."""
    text = text.strip()
    found = (pattern.fullmatch(text) for pattern in patterns())
    return sorted({text, *(match[1] for match in found if match)}, key=len)


def undress(text: str) -> str:
    """`text` with everything off that can be taken off."""
    return undressed(text)[0]


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    """Text with an opener, with a closer and with both, written with care and in passing."""
    careful_opener = f"(?=[A-Z])(?:{any_of(GREETINGS)} )?(?:{any_of(LEAD_INS)} )?"
    careful_closer = f"(?<=[?.!]) {any_of(CLOSERS)}"
    casual = any_of(CASUAL_OPENERS), any_of(CASUAL_CLOSERS)
    return tuple(
        re.compile(f"{opener}(.+?){closer}", re.DOTALL)
        for before, after in ((careful_opener, careful_closer), casual)
        for opener, closer in ((before, ""), ("", after), (before, after))
    )


def any_of(texts: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(map(re.escape, texts))})"
