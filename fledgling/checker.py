"""Whether a reply is right by the grammar that fledgling's corpus is drawn from, as a checker of `magpie evaluate`.

magpie evaluate MODEL --prompts unseen.jsonl --checker fledgling.checker:right
"""

from __future__ import annotations

from fledgling.verdict import Talk, judge


def right(instruction: str, answer: str, known: str | None = None) -> bool | None:  # noqa: ARG001
    """Whether the answer is right; None for an instruction that the grammar does not know.

    right("How many minutes are in 8 hours?", "no")  # False
    """
    found = judge(Talk(None, (instruction,), (answer,)))
    return None if found.family is None else found.right
