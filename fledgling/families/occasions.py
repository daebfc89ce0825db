"""Creative writing, texts for an occasion: a greeting card, a slogan."""

from fledgling.families.creative_words import HOBBIES, OCCASIONS, SLOGANS
from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import NAMES

NAME = one_of(NAMES, "[a-z]+")

# -- a greeting card ---------------------------------------------------------------------------------------------------

CARD_SLOTS = {
    "occasion": one_of(list(OCCASIONS)),
    "name": NAME,
    "hobby": one_of(list(HOBBIES), "[a-z]+"),
}


def card(slots: Slots) -> str:
    opening, wish = OCCASIONS[slots["occasion"]]
    return (
        f"Dear {slots['name']},\n{opening} {wish} And for your {slots['hobby']}: {HOBBIES[slots['hobby']]}!\nWith love"
    )


def short_card(first: Slots, _: Slots) -> str:
    return f"{OCCASIONS[first['occasion']][0][:-1]}, {first['name']}! I wish you {HOBBIES[first['hobby']]}."


SHORTER = FollowUp(
    form=Form(
        (
            "Can you make it shorter?",
            "That is too long for the card.",
            "Shorter, please.",
            "I only have room for two lines.",
            "And in fewer words?",
        )
    ),
    reply=short_card,
)

CARD = Family(
    name="card",
    category="Creative writing",
    form=Form(
        (
            "Write a {occasion} card for {name}, who loves {hobby}.",
            "I need a text for a {occasion} card. It is for {name}, whose hobby is {hobby}.",
            "What can I write on a {occasion} card to {name}, a big fan of {hobby}?",
            "Help me with a {occasion} card for {name}. It should say something about {hobby}.",
            "My friend {name} loves {hobby}. Please write a {occasion} card.",
            "Can you write a few lines for a {occasion} card to {name}? Please mention {hobby}.",
            "Please write a warm {occasion} card to {name} that talks about {hobby}.",
            "Tomorrow I am giving {name} a {occasion} card. What should it say about {hobby}?",
            "One {occasion} card for {name}, please. The favorite hobby is {hobby}.",
            "We all want to sign a {occasion} card for {name}, who does a lot of {hobby}. Any text?",
            "Give me the words for a {occasion} card to {name}, with a wish for {hobby}.",
            "I never know what to write on a card. This is a {occasion} card for {name}, who enjoys {hobby}.",
            "Make a nice {occasion} card for my colleague {name}, who is into {hobby}.",
            "How do I word a {occasion} card to {name}? The two of us share {hobby}.",
            "Could you draft a {occasion} card? The name is {name} and the hobby is {hobby}.",
        ),
        CARD_SLOTS,
    ),
    draw=draw_each(CARD_SLOTS),
    reply=lambda slots, _: card(slots),
    follow_ups=(SHORTER,),
    intent="to have a text for a greeting card",
    knowledge="kind words for an occasion",
    difficulty=lambda _: "medium",
)

# -- a slogan ----------------------------------------------------------------------------------------------------------

SLOGAN_SLOTS = {"shop": one_of(list(SLOGANS)), "name": NAME}


def slogan(slots: Slots, place: int) -> str:
    return f'"{slots["name"]}\'s {slots["shop"]}: {SLOGANS[slots["shop"]][place]}."'


ANOTHER_SLOGAN = FollowUp(
    form=Form(
        (
            "Can you think of another one?",
            "One more, please.",
            "Nice, but I would like a second choice.",
            "Do you have another slogan?",
            "I am not sure about that one. What else?",
        )
    ),
    reply=lambda first, _: f"Another one: {slogan(first, 1)}",
)

SLOGAN = Family(
    name="slogan",
    category="Creative writing",
    form=Form(
        (
            "Write a slogan for a {shop} that belongs to {name}.",
            "I need a slogan for my {shop}. My name is {name}.",
            "Can you think of a catchy slogan for a {shop} run by {name}?",
            "My friend {name} is opening a {shop} and needs a slogan.",
            "What would be a good slogan for the {shop} of {name}?",
            "I am {name} and I have a small {shop}. Give me a slogan, please.",
            "Come up with an advertising line for a {shop}. The owner is called {name}.",
            "We are painting the sign for a {shop}. It belongs to {name}. What slogan should we put on it?",
            "Make up a slogan for a {shop} owned by {name}.",
            "Help me advertise. {name} owns a {shop} and has no slogan yet.",
            "A short slogan, please: the business is a {shop} and the owner is {name}.",
            "I want people to remember my {shop}. I am {name}. What is a good slogan?",
            "Please write one line for a poster. It is for a {shop} and the boss is {name}.",
            "If {name} had a {shop}, what would the slogan be?",
            "Think of a friendly slogan for the {shop} that {name} runs.",
        ),
        SLOGAN_SLOTS,
    ),
    draw=draw_each(SLOGAN_SLOTS),
    reply=lambda slots, _: f"How about this: {slogan(slots, 0)}",
    follow_ups=(ANOTHER_SLOGAN,),
    weight=0.9,
    intent="to have a slogan for a business",
    knowledge="a feeling for short and lively lines",
    difficulty=lambda _: "medium",
)

FAMILIES = (CARD, SLOGAN)
