"""Creative writing: a poem of four lines, a story of four sentences."""

import re
from collections.abc import Iterable
from itertools import combinations, product
from random import Random

from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import KINDS, NAMES, TOPICS, sentence, with_article, words

# -- a poem ------------------------------------------------------------------------------------------------------------

COUPLETS = (
    ("I think of {t} when the day is long,", "and all the world becomes a song."),
    ("So soft and bright is {t} to me,", "a quiet thing, so wild and free."),
    ("When evening comes and shadows fall,", "I dream of {t} most of all."),
    ("Oh, {t}, you make my heart feel light,", "you guide me gently through the night."),
    ("There is a place where {t} can stay,", "and gently wash my cares away."),
    ("In every season, old or new,", "{t} paints the world in gold and blue."),
    ("I sat and thought of {t} today,", "it took my breath and fear away."),
    ("The children laugh, the church bells ring,", "of {t} the little birds will sing."),
    ("No gold, no crown, no silver ring", "can give me half what {t} can bring."),
    ("And when I close my tired eyes,", "I see {t} under open skies."),
)
POEM_SLOTS = {"topic": one_of(list(TOPICS))}


def poem(slots: Slots, couplets: Iterable[int]) -> str:
    lines = [line.format(t=slots["topic"]) for place in couplets for line in COUPLETS[place]]
    return "\n".join(map(sentence, lines))


def reply_poem(slots: Slots, rng: Random) -> str:
    """Two couplets in the order in which they stand above: the second is then never the first again."""
    return poem(slots, sorted(rng.sample(range(len(COUPLETS)), 2)))


def check_poem(slots: Slots, reply: str) -> bool:
    return any(reply == poem(slots, pair) for pair in combinations(range(len(COUPLETS)), 2))


POEM = Family(
    name="poem",
    category="Creative writing",
    form=Form(
        (
            "Write a short poem about {topic}.",
            "Can you write a poem about {topic}?",
            "Write four lines of poetry about {topic}.",
            "I would love a little poem about {topic}.",
            "Compose a poem on the subject of {topic}.",
            "Please write me a few rhymes about {topic}.",
            "My sister likes {topic}. Write a poem for her about it.",
        ),
        POEM_SLOTS,
    ),
    draw=draw_each(POEM_SLOTS),
    reply=reply_poem,
    check=check_poem,
    weight=1.1,
)

# -- a story -----------------------------------------------------------------------------------------------------------

TRAITS = words("brave shy clever lazy curious tiny lonely kind proud noisy gentle hungry")
PLACES = words("forest castle village desert library island city farm cave valley garden harbor")
FINDS = (
    "golden key", "magic lamp", "lost map", "silver bell", "dusty book", "red balloon", "shiny stone", "broken clock",
    "warm blanket", "secret door", "wooden flute", "paper crown",
)  # fmt: skip
DEEDS = (
    "decided to keep it safe", "showed it to everyone", "hid it under a tree", "used it to help a friend",
)  # fmt: skip
ENDINGS = (
    "From that day on, {name} was never alone again.",
    "In the end, everyone was happy.",
    "And that is how {name} became a hero.",
)
HEROES = KINDS["animals"][1] + KINDS["birds"][1]
STORY_SLOTS = {
    "hero": one_of([with_article(f"{trait} {hero}") for trait in TRAITS for hero in HEROES], "an? [a-z]+ [a-z]+"),
    "find": one_of([with_article(find) for find in FINDS], "an? [a-z]+ [a-z]+"),
}


def tell(slots: Slots, name: str, place: str, deed: str, ending: str) -> str:
    start = f"Once upon a time there was {slots['hero']} named {name}. {name} lived in {with_article(place)}."
    return f"{start} One day, {name} found {slots['find']} and {deed}. {ending.format(name=name)}"


def reply_story(slots: Slots, rng: Random) -> str:
    return tell(slots, rng.choice(NAMES), rng.choice(PLACES), rng.choice(DEEDS), rng.choice(ENDINGS))


def check_story(slots: Slots, reply: str) -> bool:
    """Whether it is one of the stories of this hero and find, with one name throughout."""
    names = [name for name in re.findall(r"named (\w+)\. ", reply) if name in NAMES]
    parts = product(names, PLACES, DEEDS, ENDINGS)
    return any(reply == tell(slots, *part) for part in parts)


def title(first: Slots, _: Slots) -> str:
    hero, find = (first[slot].split(" ", 1)[1] for slot in ("hero", "find"))
    return f'I would call it "The {hero} and the {find}".'


GIVE_TITLE = FollowUp(
    form=Form(("Give the story a title.", "What would be a good title?", "Can you think of a title for it?")),
    reply=title,
)

STORY = Family(
    name="story",
    category="Creative writing",
    form=Form(
        (
            "Write a short story about {hero} who finds {find}.",
            "Tell me a story about {hero} and {find}.",
            "Can you make up a story in which {hero} finds {find}?",
            "My son wants a bedtime story about {hero} who finds {find}.",
            "I need a short tale with {hero} and {find} in it.",
            "Write a children's story about {hero} and {find}.",
        ),
        STORY_SLOTS,
    ),
    draw=draw_each(STORY_SLOTS),
    reply=reply_story,
    check=check_story,
    follow_ups=(GIVE_TITLE,),
    weight=1.1,
)

FAMILIES = (POEM, STORY)
