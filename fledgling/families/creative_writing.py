"""Creative writing, literature: a poem of four lines, a story of five sentences."""

from fledgling.families.creative_words import CLOSINGS, COUPLETS, DEEDS, ENDINGS, HOMES
from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import NAMES, sentence, with_article

NAME = one_of(NAMES, "[a-z]+")

# -- a poem ------------------------------------------------------------------------------------------------------------

# who gets the poem -> how the poem is signed over to them
READERS = {
    **{name: name for name in NAMES},
    "my sister": "your sister",
    "my grandmother": "your grandmother",
    "my best friend": "your best friend",
    "my class": "your class",
    "my father": "your father",
    "my neighbor": "your neighbor",
}
POEM_SLOTS = {"topic": one_of(list(COUPLETS)), "reader": one_of(list(READERS), "[a-z ]+?")}


def poem(slots: Slots) -> str:
    """The topic's own couplet, one of the closings, and for whom it is."""
    closing = CLOSINGS[list(COUPLETS).index(slots["topic"]) % len(CLOSINGS)]
    lines = (*COUPLETS[slots["topic"]], *closing)
    return "\n".join((*map(sentence, lines), f"(for {READERS[slots['reader']]})"))


POEM_TITLE = FollowUp(
    form=Form(
        (
            "What is a good title for the poem?",
            "Can you give the poem a title?",
            "I like it. What should it be called?",
            "It still needs a title.",
            "And what is the title?",
        )
    ),
    reply=lambda first, _: f'It could be called "Thinking of {first["topic"]}".',
)

POEM = Family(
    name="poem",
    category="Creative writing",
    form=Form(
        (
            "Write a short poem about {topic} for {reader}.",
            "Can you write a poem for {reader} about {topic}?",
            "Write four lines of poetry about {topic} for {reader}.",
            "I would love a little poem about {topic} for {reader}.",
            "Compose a poem on the subject of {topic} for {reader}.",
            "Please write me a few rhymes about {topic}. They are for {reader}.",
            "I want to surprise {reader} with a poem about {topic}.",
            "Can you make up some verses about {topic}? I will read them to {reader}.",
            "I need a poem for {reader}. It should be about {topic}.",
            "Something in rhyme about {topic}, please, for {reader}.",
            "I promised {reader} a poem about {topic}, but I am no poet. Can you help?",
            "Write a poem that {reader} would like. The topic is {topic}.",
            "Tonight I am seeing {reader}. Write me a short poem about {topic} to take along.",
            "Please put {topic} into a poem for {reader}.",
            "Poem for {reader}, please. Topic: {topic}.",
            "Think of {topic} and write four lines for {reader}.",
        ),
        POEM_SLOTS,
    ),
    draw=draw_each(POEM_SLOTS),
    reply=lambda slots, _: poem(slots),
    follow_ups=(POEM_TITLE,),
    weight=1.1,
    intent="to have a short poem written",
    knowledge="a feeling for rhyme and rhythm",
    difficulty=lambda _: "hard",
)

# -- a story -----------------------------------------------------------------------------------------------------------

STORY_SLOTS = {
    "hero": one_of([with_article(f"{trait} {hero}") for trait in ENDINGS for hero in HOMES], "an? [a-z]+ [a-z]+"),
    "name": NAME,
    "find": one_of([with_article(find) for find in DEEDS], "an? [a-z]+ [a-z]+"),
}


def parts_of(slots: Slots) -> tuple[str, str, str]:
    """The trait, the hero and the find, without articles."""
    _, trait, hero = slots["hero"].split()
    return trait, hero, slots["find"].split(" ", 1)[1]


def story(slots: Slots) -> str:
    trait, hero, find = parts_of(slots)
    name = slots["name"]
    start = f"Once upon a time there was {slots['hero']} called {name}, who lived {HOMES[hero]}."
    return f"{start} One day, {name} found {slots['find']} and {DEEDS[find]}. {ENDINGS[trait].format(name=name)}"


def title(first: Slots) -> str:
    _, hero, find = parts_of(first)
    return f'I would call it "The {hero} and the {find}".'


GIVE_TITLE = FollowUp(
    form=Form(
        (
            "Give the story a title.",
            "What would be a good title?",
            "Can you think of a title for it?",
            "What should I call this story?",
            "Nice! Now I need a title.",
            "And the title?",
        )
    ),
    reply=lambda first, _: title(first),
)

STORY = Family(
    name="story",
    category="Creative writing",
    form=Form(
        (
            "Write a short story about {hero} named {name} who finds {find}.",
            "Tell me a story about {hero} called {name} and {find}.",
            "Can you make up a story in which {hero} named {name} finds {find}?",
            "My son wants a bedtime story about {hero}, {name}, who finds {find}.",
            "I need a short tale with {hero} called {name} and {find} in it.",
            "Write a children's story about {hero} and {find}. The hero is called {name}.",
            "The hero of my story is {hero} named {name}, and there is {find}. Please write it.",
            "Tell the children a tale: {name}, {hero}, discovers {find}.",
            "I would like to hear about {hero} who finds {find}. Use the name {name}.",
            "Once upon a time there was {hero} called {name}, who found {find}. How does it go on?",
            "Please invent a fairy tale. {name} is {hero} and comes across {find}.",
            "It is bedtime. Tell us about {name}, {hero}, and about {find}.",
            "Make up a little story about {find} and {hero}. Call the hero {name}.",
            "Story time! It is about {hero} by the name of {name}, and about {find}.",
            "For our school magazine I want a tale about {hero}, {name}, and {find}.",
            "What happens when {hero} called {name} finds {find}? Write the story.",
        ),
        STORY_SLOTS,
    ),
    draw=draw_each(STORY_SLOTS),
    reply=lambda slots, _: story(slots),
    follow_ups=(GIVE_TITLE,),
    weight=1.1,
    intent="to read a short story",
    knowledge="imagination",
    difficulty=lambda _: "hard",
)

FAMILIES = (POEM, STORY)
