"""Creative writing: a poem of four lines, a story of five sentences, a greeting card, a slogan, an email."""

from fledgling.families.creative_words import CLOSINGS, COUPLETS, DEEDS, ENDINGS, HOBBIES, HOMES, OCCASIONS, SLOGANS
from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import DAYS, NAMES, sentence, with_article

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
    (trait, hero, find), name = parts_of(slots), slots["name"]
    start = f"Once upon a time there was {slots['hero']} called {name}, who lived {HOMES[hero]}."
    return f"{start} One day, {name} found {slots['find']} and {DEEDS[find]}. {ENDINGS[trait].format(name=name)}"


def title(first: Slots, _: Slots) -> str:
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
    reply=title,
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

# -- an email ----------------------------------------------------------------------------------------------------------

SURNAMES = (
    "Miller", "Brown", "Taylor", "Green", "Baker", "Cooper", "Hill", "Ward", "Price", "Reed", "Stone", "Fox", "Young",
    "Carter", "Bell", "Moore",
)  # fmt: skip
PEOPLE = tuple(f"{title} {name}" for title in ("Mr.", "Ms.", "Dr.") for name in SURNAMES)
EVENTS = ("meeting", "lesson", "appointment", "rehearsal", "interview", "training", "dinner", "call", "exam", "tour")
REASONS = (
    "I am ill", "my train was canceled", "my son is ill", "my car broke down", "I have to work", "I am out of town",
    "I hurt my foot", "my flight is late", "I have to see a dentist", "we are moving that day",
)  # fmt: skip
EMAIL_SLOTS = {
    "person": one_of(PEOPLE, r"[a-z]+\. [a-z]+"),
    "event": one_of(EVENTS, "[a-z]+"),
    "day": one_of(DAYS, "[a-z]+"),
    "reason": one_of(REASONS),
    "name": NAME,
}


def email(slots: Slots) -> str:
    person, event, day, reason = (slots[key] for key in ("person", "event", "day", "reason"))
    return (
        f"Dear {person},\nI am sorry, but I cannot come to the {event} on {day} because {reason}. "
        f"Could we find another day?\nKind regards,\n{slots['name']}"
    )


SUBJECT_LINE = FollowUp(
    form=Form(
        (
            "What should the subject line be?",
            "And the subject?",
            "What do I put in the subject line?",
            "I also need a subject.",
            "Give me a subject line, too.",
        )
    ),
    reply=lambda first, _: f"Subject: {sentence(first['event'])} on {first['day']}",
)


EMAIL = Family(
    name="email",
    category="Creative writing",
    form=Form(
        (
            "Write a short email to {person}. I cannot come to the {event} on {day} because {reason}. I am {name}.",
            "I must miss the {event} on {day} because {reason}. Can you write to {person} for me? Sign it {name}.",
            "My name is {name}. Please tell {person} by email that I will miss the {event} on {day} because {reason}.",
            "Draft an email to {person}: no {event} for me on {day}, because {reason}. Signed, {name}.",
            "How do I cancel the {event} on {day} with {person}? I am {name}, and {reason}.",
            "I am {name}. The {event} with {person} is on {day}, but {reason}. Please write a polite email.",
            "Help me write to {person}. The {event} is on {day}, but {reason}. The name is {name}.",
            "Can you put this politely in an email to {person}? I am not coming to the {event} on {day}, {reason}. "
            "Yours, {name}",
            "I need an email that cancels the {event} on {day}. It goes to {person} from {name}, because {reason}.",
            "Write to {person} and say that {name} cannot come to the {event} on {day}. Say: {reason}.",
            "What should I write to {person}? I will miss the {event} on {day} because {reason}. I am {name}.",
            "Please excuse me from the {event} on {day} in an email to {person}. Reason: {reason}. Name: {name}.",
            "I have the {event} with {person} on {day} and I cannot go, {reason}. Write an email from {name}.",
            "An email to {person}, please. {name} here, I have to miss the {event} on {day} because {reason}.",
            "It is about the {event} on {day}: {reason}. Could you write {person} an apology from {name}?",
        ),
        EMAIL_SLOTS,
    ),
    draw=draw_each(EMAIL_SLOTS),
    reply=lambda slots, _: email(slots),
    follow_ups=(SUBJECT_LINE,),
    weight=0.9,
    intent="to have a polite email written",
    knowledge="knowledge of how emails are worded",
    difficulty=lambda _: "medium",
)

FAMILIES = (POEM, STORY, CARD, SLOGAN, EMAIL)
