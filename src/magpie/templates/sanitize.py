"""Removes from an instruction what a model wrote around it: a label, quotes, an answer that follows, a later turn.

A pure function of the text and the names of the rules. It names the rules that changed the text, and returns an
instruction that no rule recognizes unchanged. Rules are applied until none changes the text: there may be a label
inside quotes. A text without a request becomes empty. Which rules a model needs is data: see `families.yaml`. Knows no
model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from magpie.errors import RecipeError
from magpie.templates.earlier_rules import EARLIER_RULES
from magpie.templates.no_request import no_request
from magpie.templates.replies import (
    answer_label,
    final_result,
    further_turn,
    inline_answer,
    reply_paragraph,
    right_option,
    worked_steps,
)
from magpie.templates.wrappings import (
    preamble,
    question_label,
    remark,
    special_token,
    wrapping_fence,
    wrapping_quotes,
    wrapping_tag,
)

Rule = Callable[[str], str]

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            special_token,
            wrapping_fence,
            wrapping_tag,
            preamble,
            further_turn,
            answer_label,
            right_option,
            inline_answer,
            worked_steps,
            reply_paragraph,
            final_result,
            remark,
            question_label,
            wrapping_quotes,
            no_request,
        )
    }
)
"""In the order in which they are applied."""

ALL: Final = "all"
"""In a list of rules: each of `RULES`, in their order."""
_MOST_PASSES: Final = 8


def rule_names(rules: Sequence[str]) -> tuple[str, ...]:
    """The names of rules, `all` written out. Raises `RecipeError` for an unknown name.

    >>> rule_names(["label", "quotes"])
    ('label', 'quotes')
    """
    names: list[str] = []
    for name in rules:
        if name != ALL and name not in RULES and name not in EARLIER_RULES:
            raise RecipeError(f"no sanitizing rule is called {name!r}; there are: {', '.join((ALL, *RULES))}")
        names += RULES if name == ALL else [name]
    return tuple(dict.fromkeys(names))


def sanitize(instruction: str, rules: Sequence[str]) -> tuple[str, str | None]:
    """The instruction without what does not belong to it, and the names of the rules that fired, or None.

    Pure. Rules are applied in the order given, and all of them again until none fires; the earlier rules once. Several
    that fired are joined with `+`. A clean instruction comes back as it is, white space and all; empty where there was
    no request in it.

    >>> sanitize("Question: What is 2 + 2?\\nAnswer: 4", ["all"])
    ('What is 2 + 2?', 'answer_label+question_label')
    """
    fired: list[str] = []
    names = rule_names(rules)
    for number in range(_MOST_PASSES):
        before = instruction
        for name in names:
            if number and name not in RULES:
                continue
            changed = (RULES.get(name) or EARLIER_RULES[name])(instruction)
            if changed != instruction:
                instruction = changed
                fired.append(name)
        if instruction == before:
            break
    return instruction, "+".join(dict.fromkeys(fired)) or None
