"""What the model attempts when it practices, what came of it, and what that is worth.

Knows the grammar and the hidden mix; knows no tokens and no weights.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from fledgling.astray import reach_of_prompt, reach_of_reply
from fledgling.chat import before_assistant, before_user, message, system
from fledgling.corpus import FOLLOW_UP, ask, by_weight, mix
from fledgling.families import BY_NAME, FAMILIES
from fledgling.systems import DOMAINS
from fledgling.verdict import Talk, Verdict, judge

MOST = 2.0  # reward of a good attempt, at most; a bad one gets 0, and the mean is about 1
HOPED = 0.8  # share of good attempts that is assumed at first, as if seen in PRIOR attempts
PRIOR, KEPT = 40.0, 0.97  # what was seen counts a little less after each step


@dataclass(frozen=True)
class Context:
    """What stands before an attempt, and what the attempt is measured by."""

    kind: str  # attempts of a kind share a mean
    text: str
    first: tuple[str, str] | None = None  # the turn before, of an attempt at a second one
    system: str | None = None
    verdict: Verdict | None = None  # of what is replied to


# -- what is attempted -------------------------------------------------------------------------------------------------


def contexts(free: int, under: int, later: int, rng: Random) -> Iterator[Context]:
    """User's turns with nothing before them, under a domain's system prompt, and after a first turn."""
    for _ in range(free):
        yield Context("free", before_user())
    for _ in range(under):
        name = rng.choice(list(DOMAINS))
        told = rng.choice(DOMAINS[name].prompts)
        yield Context(name, system(told) + before_user(), system=told)
    able = [family for family in FAMILIES if family.follow_ups]
    for _ in range(later):
        turn, _ = ask(by_weight(able, rng), rng)
        before = message("user", turn.prompt) + message("assistant", turn.reply) + before_user()
        yield Context("later", before, first=(turn.prompt, turn.reply))


def answerable(tried: Iterable[tuple[Context, str, str | None]]) -> Iterator[Context]:
    """What the good ones of user's turns and their outcomes ask a reply to."""
    for context, text, came in tried:
        if came is None or came == "talk":
            continue
        if context.first:
            before = message("user", context.first[0]) + message("assistant", context.first[1])
            yield Context("reply to a later turn", before + before_assistant(text), (context.first[0], text))
        else:
            verdict = judge(Talk(None, (text,), ()))
            kind = f"reply to {verdict.family.name}" if verdict.family else ""
            yield Context(kind, system(context.system) + before_assistant(text), verdict=verdict)


def outcome(context: Context, text: str) -> str | None:
    """What a text that ended by itself comes to."""
    if context.kind.startswith("reply"):
        return "right" if is_right(context, text) else None
    if context.first is not None:
        turn = next(judge(Talk(None, (context.first[0], text), (context.first[1], ""))).later_turns(), None)
        return None if turn is None or turn.follows is False else "turn" if turn.follows else "talk"
    family = judge(Talk(None, (text,), ())).family
    if family is None or (context.kind in DOMAINS and family.name not in DOMAINS[context.kind].families):
        return None
    return family.name


def is_right(context: Context, text: str) -> bool:
    if context.verdict is None:
        assert context.first is not None, "a reply is to a first turn or to a later one"
        talk = Talk(None, context.first, ("", text))
        return all(turn.right for turn in judge(talk).later_turns())
    one = context.verdict
    return Verdict(Talk(None, one.talk.prompts, (text,)), one.family, one.slots).right


def reach_of(context: Context, text: str) -> int | None:
    """How far the text is good, or None where nobody can tell."""
    if context.kind.startswith("reply"):
        return reach_of_reply(text, *context.verdict.task) if context.verdict else None
    if context.first or judge(Talk(None, (text,), ())).has_form:
        return None
    return reach_of_prompt(text)


# -- what an attempt is worth ------------------------------------------------------------------------------------------


class Ledger:
    """How often each outcome of each kind came about lately.

    The reward of an outcome is the share it should have by the share that it has. So what is valid grows at the cost
    of what is not, and no family at the cost of another: the policy gradient of this reward is that of the
    cross-entropy to the hidden mix.
    """

    def __init__(self) -> None:
        self.tried: dict[str, float] = defaultdict(float)
        self.came: dict[tuple[str, str], float] = defaultdict(float)

    def note(self, kind: str, outcome: str | None) -> None:
        self.tried[kind] += 1
        if outcome is not None:
            self.came[kind, outcome] += 1

    def advantage(self, kind: str, outcome: str | None, wanted: float) -> float:
        if outcome is None:
            return -1.0
        share = (PRIOR * HOPED * wanted + self.came[kind, outcome]) / (PRIOR + self.tried[kind])
        return min(MOST, wanted / share) - 1

    def fade(self) -> None:
        for counts in (self.tried, self.came):
            for key in counts:
                counts[key] *= KEPT  # type: ignore[index]


def wanted_shares() -> dict[str, dict[str, float]]:
    """Kind -> outcome -> the share it should have. Kinds that are not here want their only outcome always."""
    shares = {"free": mix(), "later": {"turn": FOLLOW_UP, "talk": 1 - FOLLOW_UP}}
    for name, domain in DOMAINS.items():
        weights = {family: BY_NAME[family].weight for family in domain.families}
        shares[name] = {family: weight / sum(weights.values()) for family, weight in weights.items()}
    return shares
