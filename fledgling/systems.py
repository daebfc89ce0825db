"""System prompts: of a domain, whose users ask for some families only; of a persona; and of no consequence.

A domain's prompts are built from parts, so that the model learns what its words mean and not a list of sentences.
Some wordings are held out: they are never trained on, and measuring asks whether they steer all the same.
Knows the families by category and language; knows no share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from fledgling.families import FAMILIES
from fledgling.words import NAMES, with_article

GENERIC = (
    "You are a helpful assistant.", "You are a friendly and helpful assistant.", "Answer briefly and clearly.",
    "You are fledgling, a small assistant.", "You are a kind assistant who answers everything.",
    "Please be polite and helpful.", "You are an AI assistant.", "Give short and correct answers.",
)  # fmt: skip

OCCUPATIONS = (
    "baker", "gardener", "teacher", "nurse", "sailor", "pilot", "farmer", "painter", "librarian", "carpenter", "tailor",
    "postman", "firefighter", "musician", "doctor", "chef", "fisherman", "shopkeeper", "engineer", "dancer",
    "astronomer", "detective", "waiter", "architect", "plumber", "photographer", "barber", "bus driver", "florist",
)  # fmt: skip
PERSONA = (
    "You are {name}, {occupation}.", "Your name is {name} and you are {occupation}.",
    "Play the part of {name}, {occupation}.", "You are {name}. You work as {occupation}.",
    "Answer as {name}, who is {occupation}.",
)  # fmt: skip

# what is said of {role}, of what it does and of what it is about
OF_ROLE = ("You are {}.", "Act as {}.", "You are {}. Be friendly.", "You are {}. Answer clearly.")
OF_DEED = ("You {}.", "Your job is to {}.", "You are an assistant. You {}.", "Users come to you because you {}.")
OF_TOPIC = ("You answer questions about {}.", "You help people with {}.", "You are an expert in {}.")
HELD_OUT = (
    ("You work as {}.", 0), ("Here you only {}.", 1), ("This is a place to talk about {}.", 2),
    ("You are a patient expert for {}. Give short answers.", 2),
)  # fmt: skip


@dataclass(frozen=True)
class Domain:
    """What its prompts speak of, and the families that users ask for under them."""

    roles: tuple[str, ...]
    deeds: tuple[str, ...]
    topics: tuple[str, ...]
    families: tuple[str, ...]

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        return self.roles, self.deeds, self.topics

    @property
    def prompts(self) -> tuple[str, ...]:
        """The wordings of training."""
        frames = zip((OF_ROLE, OF_DEED, OF_TOPIC), self.parts, strict=True)
        return tuple(frame.format(part) for some, parts in frames for frame, part in product(some, parts))

    @property
    def held_out(self) -> tuple[str, ...]:
        """Wordings of measuring alone."""
        return tuple(frame.format(self.parts[kind][-1]) for frame, kind in HELD_OUT)


def in_category(*categories: str) -> tuple[str, ...]:
    return tuple(one.name for one in FAMILIES if one.category in categories and one.language == "English")


# name -> roles, deeds, topics
OF_CATEGORY: Mapping[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    "Math": (
        ("a math tutor", "a teacher of arithmetic", "a math assistant"),
        ("solve math problems", "teach arithmetic step by step", "calculate with numbers"),
        ("math", "arithmetic and calculations", "sums, products and percentages"),
    ),
    "Reasoning": (
        ("a logic tutor", "a puzzle master", "a reasoning assistant"),
        ("solve puzzles", "think through riddles step by step", "help with logic and reasoning"),
        ("logic puzzles", "riddles and reasoning", "puzzles and logical thinking"),
    ),
    "Coding & Debugging": (
        ("a Python programmer", "a coding assistant", "an expert programmer"),
        ("write and debug code", "explain code to beginners", "help users with Python code"),
        ("programming", "code and bugs", "Python and SQL code"),
    ),
    "Editing": (
        ("an editor", "an assistant who corrects sentences", "a careful text editor"),
        ("edit and rewrite sentences", "correct grammar and style", "improve the sentences of other people"),
        ("editing", "grammar and style", "rewriting sentences"),
    ),
    "Planning": (
        ("a planning assistant", "an organizer who makes plans", "a planner"),
        ("plan days, meals and studies", "make plans for busy people", "help users plan and organize"),
        ("planning", "schedules and plans", "plans for trips, meals and studies"),
    ),
    "Advice seeking": (
        ("a friendly advisor", "a coach who gives advice", "a wise friend who gives advice"),
        ("give kind and practical advice", "help people decide", "advise people on daily life"),
        ("advice for daily life", "hard choices and worries", "problems of daily life, with advice"),
    ),
    "Information seeking": (
        ("an encyclopedia", "a guide who knows facts about the world", "a geography and nature expert"),
        ("answer questions about the world", "explain words, animals and countries", "share facts and knowledge"),
        ("facts", "geography, nature and culture", "countries, animals and famous works"),
    ),
    "Data analysis": (
        ("a data analyst", "an assistant who reads tables", "a data assistant"),
        ("analyze data and small tables", "read tables and answer questions about them", "evaluate data in lists"),
        ("data analysis", "tables and lists of data", "data, tables and averages"),
    ),
    "Creative writing": (
        ("a poet and storyteller", "a creative writer", "an author of poems and stories"),
        ("write stories and poems", "write creative texts", "invent stories, poems and slogans"),
        ("creative writing", "poems and stories", "stories, poems and greeting cards"),
    ),
    "Role playing": (
        ("an actor who plays roles", "a role player", "a partner for role play"),
        ("play characters in role plays", "speak as any character", "act out roles with the user"),
        ("role playing", "acting and playing roles", "playing characters and roles"),
    ),
    "Brainstorming": (
        ("a brainstorming partner", "a source of ideas", "an assistant full of ideas"),
        ("brainstorm with the user", "find ideas and examples", "collect ideas for everyone"),
        ("brainstorming", "new ideas", "ideas and lists of examples"),
    ),
    "Others": (
        ("a translator", "a dictionary", "a translator who also knows words"),
        ("translate words and phrases", "help with words and translations", "translate and explain the use of words"),
        ("translation", "words and their opposites", "words and translations"),
    ),
}


def in_language(language: str) -> tuple[str, ...]:
    return tuple(one.name for one in FAMILIES if one.language == language)


def of_language(language: str) -> Domain:
    """A domain whose users write in another language than English."""
    return Domain(
        (f"an assistant who speaks {language}", f"a {language} speaker", f"a {language} speaking assistant"),
        (f"speak only {language}", f"answer in {language}", f"talk to users in {language}"),
        (f"everything in {language}", f"daily life, in {language}", f"things that people ask in {language}"),
        in_language(language),
    )


LANGUAGES = tuple(sorted({family.language for family in FAMILIES} - {"English"}))
DOMAINS = {
    name: Domain(tuple(roles), tuple(deeds), tuple(topics), in_category(name))
    for name, (roles, deeds, topics) in OF_CATEGORY.items()
} | {language: of_language(language) for language in LANGUAGES}
DOMAINS = {name: domain for name, domain in DOMAINS.items() if domain.families}


def draw_persona(rng: Random) -> str:
    return rng.choice(PERSONA).format(name=rng.choice(NAMES), occupation=with_article(rng.choice(OCCUPATIONS)))
