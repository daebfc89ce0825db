"""What people put around a question: a greeting, a plea, thanks.

Knows no family. `undress` takes off what `dress` puts on.
"""

import re
from random import Random

OPENERS = (
    "Hi! ", "Hello! ", "Hey, ", "Please help me. ", "Quick question: ", "I have a question. ", "Good morning! ",
    "Can you help me? ",
)  # fmt: skip
CLOSERS = (" Thanks!", " Thank you!", " Thanks in advance.", " Please keep it short.")
OPENED, CLOSED = 0.16, 0.08  # share of prompts with an opener, with a closer


def dress(prompt: str, rng: Random) -> str:
    opener = rng.choice(OPENERS) if rng.random() < OPENED else ""
    closer = rng.choice(CLOSERS) if rng.random() < CLOSED and prompt.endswith(("?", ".", "!")) else ""
    return opener + prompt + closer


def undress(prompt: str) -> str:
    opener = "|".join(map(re.escape, OPENERS))
    closer = "|".join(map(re.escape, CLOSERS))
    match = re.fullmatch(f"(?:{opener})?(.*?)(?:{closer})?", prompt.strip(), re.DOTALL)
    assert match is not None, "every part of the pattern is optional"
    return match[1]
