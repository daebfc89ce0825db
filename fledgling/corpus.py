"""Mixes families into conversations: system prompts, follow-ups, small talk. The same seed gives the same corpus.

Knows the families and how conversations are put together; knows no tokenizer and no model.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from fledgling.conversation import Conversation, Turn
from fledgling.families import BY_NAME, FAMILIES
from fledgling.family import Family, Slots
from fledgling.surface import dress

JUDGE = 0.2  # share of conversations in which the pipeline asks for a judgment
CASUAL = 0.1  # share of prompts without an end mark and a capital
SYSTEM_DOMAIN, SYSTEM_GENERIC = 0.18, 0.06  # share of conversations with a system prompt of each sort
SECOND_TURN = 0.3  # share of conversations with a second turn

GENERIC = (
    "You are a helpful assistant.", "You are a friendly and helpful assistant.", "Answer briefly and clearly.",
    "You are fledgling, a small assistant.",
)  # fmt: skip


@dataclass(frozen=True)
class Domain:
    """System prompts, and the families that users ask for under them."""

    prompts: tuple[str, ...]
    families: tuple[str, ...]


DOMAINS = {
    "math": Domain(
        (
            "You are a helpful math tutor.",
            "You are an assistant that solves math problems.",
            "You help students with math and numbers.",
            "You teach arithmetic step by step.",
        ),
        ("arithmetic", "multiply", "percent", "units", "story_sum", "sequence", "total"),
    ),
    "code": Domain(
        (
            "You are a Python coding assistant.",
            "You help users write and debug code.",
            "You are an expert programmer.",
            "You answer questions about Python functions.",
        ),
        ("write_function", "mend_function", "explain_function"),
    ),
    "translation": Domain(
        (
            "You are a translator.",
            "You translate short phrases into other languages.",
            "You help people who learn Spanish, French and German.",
        ),
        ("translate",),
    ),
    "writing": Domain(
        (
            "You are a creative story writer.",
            "You write stories and poems.",
            "You are a poet with a warm heart.",
        ),
        ("poem", "story", "role"),
    ),
    "editing": Domain(
        (
            "You are an editor who improves sentences.",
            "You help users edit and rewrite text.",
            "You are a careful English teacher.",
        ),
        ("past_tense", "agreement", "formal", "replace"),
    ),
    "planning": Domain(
        (
            "You are a planning assistant.",
            "You help users plan trips, meals and studies.",
            "You are a travel and cooking guide.",
        ),
        ("day_plan", "learning_plan", "recipe"),
    ),
    "advice": Domain(
        (
            "You are a friendly advisor.",
            "You give kind and practical advice.",
            "You are a coach who listens and helps.",
        ),
        ("advice", "choice", "ideas"),
    ),
    "knowledge": Domain(
        (
            "You answer questions about the world.",
            "You are a knowledgeable assistant.",
            "You explain words, animals and countries.",
        ),
        ("capital", "define", "habitat", "opposite", "examples"),
    ),
    "data": Domain(
        (
            "You are a data analyst.",
            "You read small tables and answer questions about them.",
            "You help with numbers, lists and tables.",
        ),
        ("extreme", "lookup", "total"),
    ),
}

SMALL_TALK = (
    ("Thanks!", "You are welcome!"),
    ("Thank you so much.", "You are welcome! Let me know if you need anything else."),
    ("Great, that helps.", "I am glad to hear that!"),
    ("Perfect!", "I am happy that I could help."),
)


def conversations(seed: int, count: int) -> Iterator[Conversation]:
    rng = Random(seed)
    make_judgment = judge()
    for _ in range(count):
        yield make_judgment(rng) if make_judgment and rng.random() < JUDGE else conversation(rng)


def judge() -> Callable[[Random], Conversation] | None:
    """What makes judge conversations. They judge what this module makes, so it is opened late."""
    try:
        from fledgling.judge import judge_conversation
    except ImportError:
        return None
    return judge_conversation


def conversation(rng: Random) -> Conversation:
    """One conversation: sometimes a system prompt, always a first turn, sometimes a second."""
    system, families = draw_system(rng)
    family = rng.choices(families, [family.weight for family in families])[0]
    turn, slots = ask(family, rng)
    if rng.random() >= SECOND_TURN:
        return Conversation(system, (turn,))
    return Conversation(system, (turn, second_turn(family, slots, families if system else (family,), rng)))


def draw_system(rng: Random) -> tuple[str | None, tuple[Family, ...]]:
    """A system prompt or None, and the families that may follow it."""
    chance = rng.random()
    if chance < SYSTEM_DOMAIN:
        domain = rng.choice(list(DOMAINS.values()))
        return rng.choice(domain.prompts), tuple(BY_NAME[name] for name in domain.families)
    return (rng.choice(GENERIC) if chance < SYSTEM_DOMAIN + SYSTEM_GENERIC else None), FAMILIES


def ask(family: Family, rng: Random) -> tuple[Turn, Slots]:
    slots = family.draw(rng)
    prompt = dress(family.form.ask(slots, rng, casual=rng.random() < CASUAL), rng)
    return Turn(prompt, family.reply(slots, rng), family.name), slots


def second_turn(family: Family, slots: Slots, families: tuple[Family, ...], rng: Random) -> Turn:
    """A follow-up if the family has one, else small talk or a new question."""
    chance = rng.random()
    if family.follow_ups and chance < 0.75:
        follow_up = rng.choice(family.follow_ups)
        own = follow_up.draw(slots, rng)
        return Turn(follow_up.form.ask(own, rng), follow_up.reply(slots, own))
    if chance < 0.85:
        return Turn(*rng.choice(SMALL_TALK))
    return ask(rng.choice(families), rng)[0]


def mix() -> dict[str, float]:
    """The share of each family among first turns of conversations without a domain; adds up to one."""
    total = sum(family.weight for family in FAMILIES)
    return {family.name: family.weight / total for family in FAMILIES}


def user_prompts(seed: int, count: int) -> set[str]:
    """Every user message of a corpus: what a sampled instruction must not be among to count as novel."""
    return {turn.prompt for one in conversations(seed, count) for turn in one.turns}
