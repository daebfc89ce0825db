"""Information seeking: capitals, what a word means, how animals live, who made what, where a landmark stands."""

from fledgling.families.information_facts import (
    ANIMALS,
    COUNTRIES,
    LANDMARKS,
    LISTENERS,
    MAKERS,
    MEANINGS,
    OCCASIONS,
    TIMES,
)
from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, draw_each, exactly, one_of
from fledgling.words import sentence, with_article

# -- capitals ----------------------------------------------------------------------------------------------------------

COUNTRY = one_of(list(COUNTRIES))
CAPITAL_SLOTS = {"country": COUNTRY, "occasion": one_of(OCCASIONS)}


def sayings(slots: Slots) -> tuple[str, str]:
    country, city = slots["country"], COUNTRIES[slots["country"]][0]
    return f"The capital of {country} is {city}.", f"{city} is the capital of {country}."


SPEAK = FollowUp(
    form=Form(
        (
            "What language do people speak there?",
            "Which language is spoken there?",
            "And what do they speak?",
            "What do most people speak in that country?",
            "Good to know. And the language?",
            "And which language would I hear there?",
        )
    ),
    reply=lambda first, _: f"Most people in {first['country']} speak {COUNTRIES[first['country']][1]}.",
)
AND_OF = FollowUp(
    form=Form(
        (
            "And the capital of {country}?",
            "What about {country}?",
            "And of {country}?",
            "Now the same for {country}.",
            "I also need it for {country}.",
        ),
        {"country": COUNTRY},
    ),
    draw=lambda _, rng: {"country": rng.choice(list(COUNTRIES))},
    reply=lambda _, own: sayings(own)[0],
    anytime=True,
)

CAPITAL = Family(
    name="capital",
    category="Information seeking",
    form=Form(
        (
            "What is the capital of {country}? It is for {occasion}.",
            "Which city is the capital of {country}? I need it for {occasion}.",
            "For {occasion}: what is the capital of {country}?",
            "Tell me the capital city of {country} for {occasion}.",
            "I need the capital of {country} for {occasion}.",
            "Do you know the capital of {country}? I am asking for {occasion}.",
            "I forgot the capital of {country}, and I need it for {occasion}. What is it called?",
            "I am working on {occasion}. What is the capital of {country}?",
            "Name the capital of {country} for {occasion}.",
            "This is for {occasion}. Which city is the capital of {country}?",
            "For {occasion} I have to know the capital of {country}. Can you help?",
            "What do they call the capital of {country}? I want it for {occasion}.",
            "I am stuck with {occasion}. What is the capital city of {country}?",
            "Someone asked me about the capital of {country} for {occasion}. Which city is it?",
            "Could you give me the capital of {country}? I need it for {occasion}.",
            "Please help me with {occasion}. I am looking for the capital of {country}.",
        ),
        CAPITAL_SLOTS,
    ),
    draw=draw_each(CAPITAL_SLOTS),
    reply=lambda slots, rng: rng.choice(sayings(slots)),
    check=lambda slots, reply: reply in sayings(slots),
    follow_ups=(SPEAK, AND_OF),
    intent="to know the capital of a country",
    knowledge="knowledge of countries and their capitals",
)

# -- what a word means -------------------------------------------------------------------------------------------------

DEFINE_SLOTS = {
    "thing": one_of([with_article(word) for word in MEANINGS], "an? [a-z]+"),
    "listener": one_of(LISTENERS),
}


def meaning(slots: Slots) -> tuple[str, str]:
    return MEANINGS[slots["thing"].split(" ", 1)[1]]


DEFINE = Family(
    name="define",
    category="Information seeking",
    form=Form(
        (
            "What is {thing}? I want to explain it to {listener}.",
            "Explain to {listener} what {thing} is.",
            "How would you explain {thing} to {listener}?",
            "Can you explain what {thing} is in words for {listener}?",
            "I have to tell {listener} what {thing} is. What do I say?",
            "What exactly is {thing}? It is a question from {listener}.",
            "Define {thing} for {listener}.",
            "Describe {thing} in simple words for {listener}.",
            "I do not know how to explain {thing} to {listener}. Can you help?",
            "Yesterday I talked with {listener}, and we asked ourselves what {thing} is.",
            "Please tell {listener} what {thing} is.",
            "What would you say to {listener} about {thing}?",
            "I need a short explanation of {thing} for {listener}.",
            "What do people mean by {thing}? Explain it to {listener}.",
            "Give {listener} a short definition of {thing}.",
            "I am with {listener} right now. What is {thing}, in short?",
        ),
        DEFINE_SLOTS,
    ),
    draw=draw_each(DEFINE_SLOTS),
    reply=lambda slots, _: f"{sentence(slots['thing'])} is {meaning(slots)[0]}. {meaning(slots)[1]}",
    intent="to understand what a word means",
    knowledge="general knowledge and the meaning of words",
    weight=1.1,
)

# -- how animals live --------------------------------------------------------------------------------------------------

ANIMAL = one_of(list(ANIMALS), "[a-z ]+")
ANIMAL_SLOTS = {"a": ANIMAL, "b": ANIMAL}


def live(animal: str) -> str:
    return f"{animal} live {ANIMALS[animal][0]}"


WHAT_EAT = FollowUp(
    form=Form(
        (
            "And what do {animal} eat?",
            "What do the {animal} eat?",
            "What is the food of {animal}?",
            "And what would you feed to {animal}?",
            "Do you also know what {animal} eat?",
        ),
        {"animal": ANIMAL},
    ),
    draw=lambda first, rng: {"animal": rng.choice([first["a"], first["b"]])},
    reply=lambda _, own: f"{sentence(own['animal'])} eat {ANIMALS[own['animal']][1]}.",
    anytime=True,
)
SOMETHING_ABOUT = FollowUp(
    form=Form(
        (
            "Tell me something interesting about {animal}.",
            "And a fun fact about {animal}?",
            "What else do you know about {animal}?",
            "Is there anything special about {animal}?",
            "Tell me more about {animal}.",
        ),
        {"animal": ANIMAL},
    ),
    draw=lambda first, rng: {"animal": rng.choice([first["a"], first["b"]])},
    reply=lambda _, own: f"{sentence(own['animal'])} {ANIMALS[own['animal']][2]}.",
    anytime=True,
)

HABITAT = Family(
    name="habitat",
    category="Information seeking",
    form=Form(
        (
            "Where do {a} and {b} live?",
            "Tell me where {a} live and where {b} live.",
            "Where can I find {a}, and where {b}?",
            "In what kind of place do {a} live? And {b}?",
            "My daughter asks where {a} and {b} live. What should I say?",
            "I want to draw {a} and {b} at home in nature. Where do they live?",
            "I would love to watch {a} and {b} from a distance. Where do they live?",
            "We are learning about {a} and {b} at school. Where do they live?",
            "Where is the home of {a}, and where is the home of {b}?",
            "I am making a poster about {a} and {b}. Where do they live?",
            "In which places do {a} and {b} live?",
            "Where would I have to go to see {a} and {b} in the wild?",
            "My son loves {a} and {b}. Where do these animals live?",
            "What is the natural home of {a} and of {b}?",
            "Say in one sentence where {a} and {b} live.",
            "I am writing a story with {a} and {b} in it. Where do they really live?",
        ),
        ANIMAL_SLOTS,
    ),
    draw=lambda rng: dict(zip("ab", rng.sample(list(ANIMALS), 2), strict=True)),
    reply=lambda slots, _: f"{sentence(live(slots['a']))}, and {live(slots['b'])}.",
    sensible=lambda slots: slots["a"] != slots["b"],
    follow_ups=(WHAT_EAT, SOMETHING_ABOUT),
    intent="to know where two animals live",
    knowledge="knowledge of animals and nature",
    weight=1.1,
)

# -- who made what -----------------------------------------------------------------------------------------------------

WORK = one_of(list(MAKERS))


def maker(work: str) -> str:
    return f"{MAKERS[work]} {work}"


def two_makers(_: Slots) -> Difficulty:
    return "medium"


AND_WHO = FollowUp(
    form=Form(
        (
            "And who {work}?",
            "Then who {work}?",
            "Thanks. Do you also know who {work}?",
            "One more: who {work}?",
            "And the person who {work}?",
        ),
        {"work": WORK},
    ),
    draw=lambda first, rng: {"work": rng.choice([work for work in MAKERS if work not in first.values()])},
    reply=lambda _, own: f"{maker(own['work'])}.",
    anytime=True,
)

WHO_MADE = Family(
    name="who_made",
    category="Information seeking",
    form=Form(
        (
            "Who {a}, and who {b}?",
            "Tell me who {a} and who {b}.",
            "I always forget who {a} and who {b}. Can you tell me?",
            "Two questions: Who {a}? And who {b}?",
            "Do you know who {a} and who {b}?",
            "Our quiz asks who {a} and who {b}. What is right?",
            "Please tell me the name of the person who {a} and of the one who {b}.",
            "My teacher wants to know who {a} and who {b}.",
            "In a talk I want to say who {a} and who {b}. Can you help?",
            "Can you remind me who {a}, and also who {b}?",
            "I need two names: the person who {a} and the person who {b}.",
            "We argue about who {a} and who {b}. Who was it?",
            "For a crossword I need to know who {a} and who {b}.",
            "What are the names of those who {a} and who {b}?",
            "Name the person who {a} and the person who {b}.",
            "Help me with two names. Who {a}, and who {b}?",
        ),
        {"a": WORK, "b": WORK},
    ),
    draw=lambda rng: dict(zip("ab", rng.sample(list(MAKERS), 2), strict=True)),
    reply=lambda slots, _: f"{maker(slots['a'])}, and {maker(slots['b'])}.",
    sensible=lambda slots: slots["a"] != slots["b"],
    follow_ups=(AND_WHO,),
    intent="to know who made two famous things",
    knowledge="knowledge of books, art, music and inventions",
    difficulty=two_makers,
    weight=1.1,
)

# -- where a landmark stands -------------------------------------------------------------------------------------------

LANDMARK_SLOTS = {"landmark": exactly(list(LANDMARKS)), "when": exactly(TIMES)}

LANDMARK = Family(
    name="landmark",
    category="Information seeking",
    form=Form(
        (
            "Where is {landmark}? We want to see it {when}.",
            "I would like to visit {landmark} {when}. Where is it?",
            "In which city is {landmark}? I may travel there {when}.",
            "We are going to see {landmark} {when}. Which city is that in?",
            "My parents want to see {landmark} {when}. Where do they have to go?",
            "If I want to see {landmark} {when}, which city do I travel to?",
            "Which city should I visit {when} to see {landmark}?",
            "I am planning a trip {when} to see {landmark}. Where is it?",
            "Where do I find {landmark}? My flight leaves {when}.",
            "Our class will visit {landmark} {when}. In which city is it?",
            "Can you tell me where {landmark} is? I am going there {when}.",
            "I want to take a picture of {landmark} {when}. Where does it stand?",
            "My sister is going to {landmark} {when}. What city is that?",
            "Which country and city do I fly to {when} if I want to see {landmark}?",
            "Where in the world is {landmark}? I want to go there {when}.",
            "I have a free ticket {when} and I dream of {landmark}. Where is it?",
        ),
        LANDMARK_SLOTS,
    ),
    draw=draw_each(LANDMARK_SLOTS),
    reply=lambda slots, _: (
        f"{sentence(slots['landmark'])} is in {LANDMARKS[slots['landmark']]}. Have a good trip {slots['when']}!"
    ),
    intent="to know where a landmark is before a trip",
    knowledge="knowledge of landmarks and cities",
)

FAMILIES = (CAPITAL, DEFINE, HABITAT, WHO_MADE, LANDMARK)
