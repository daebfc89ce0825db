"""Brainstorming: ideas for an occasion, examples of a kind of thing."""

from random import Random

from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import KINDS, NAMES, NUMBER_WORDS, comma_and, sentence

COUNT = one_of(list(NUMBER_WORDS), "two|three|four|five")

# -- ideas -------------------------------------------------------------------------------------------------------------

IDEAS = {
    "a birthday party": ("a treasure hunt", "a movie night", "a picnic in the park", "a costume party",
                         "a baking contest", "a karaoke evening"),
    "a school project": ("a model volcano", "a family tree", "a weather diary", "a map of your town",
                         "a plant experiment", "a short film"),
    "a small business": ("a coffee cart", "a dog walking service", "an online book shop", "a garden service",
                         "a bike repair shop", "a cookie bakery"),
    "a rainy day": ("bake some cookies", "read a novel", "build a fort", "paint a picture", "write a letter",
                    "play a card game"),
    "a blog": ("travel stories", "easy recipes", "book reviews", "home repairs", "pet care tips", "local history"),
    "a healthy snack": ("apple slices", "carrot sticks", "plain yogurt", "mixed nuts", "a boiled egg", "rice cakes"),
    "a family weekend": ("a bike ride", "a visit to the zoo", "a day at the beach", "a museum tour",
                         "a camping trip", "a puppet show"),
    "a science fair": ("a solar oven", "a simple motor", "a water filter", "growing crystals", "a paper bridge",
                       "testing soil"),
    "a charity event": ("a fun run", "a bake sale", "a car wash", "a talent show", "an art auction", "a quiz night"),
    "a first date": ("a walk by the river", "a visit to a museum", "a game of mini golf", "a cooking class",
                     "a boat ride", "ice cream in the park"),
    "a new hobby": ("bird watching", "playing the ukulele", "writing short stories", "making candles",
                    "learning magic tricks", "growing herbs"),
    "a quick dinner": ("vegetable soup", "pasta with pesto", "an omelette", "fried rice", "a big salad",
                       "baked potatoes"),
    "a team meeting": ("a round of good news", "a short quiz", "a walk outside", "a demo by each team",
                       "an open question hour", "a guest speaker"),
    "a book club": ("a crime novel", "a book of letters", "a collection of poems", "a travel diary",
                    "a classic play", "a science book"),
    "a class trip": ("the fire station", "a chocolate factory", "an old castle", "the planetarium", "a farm",
                     "the harbor"),
    "a winter evening": ("make hot chocolate", "knit a scarf", "watch an old film", "write a diary",
                         "learn a card trick", "invite the neighbors"),
}  # fmt: skip
WITH = (
    "my sister", "my brother", "my parents", "my children", "my class", "my team", "my neighbors", "my best friend",
    "my grandmother", "my uncle", *NAMES[:40],
)  # fmt: skip
IDEA_SLOTS = {"count": COUNT, "occasion": one_of(list(IDEAS)), "company": one_of(WITH)}


def reply_ideas(slots: Slots) -> str:
    chosen = IDEAS[slots["occasion"]][: NUMBER_WORDS[slots["count"]]]
    company = slots["company"].replace("my ", "your ")
    lines = "\n".join(f"{number}. {sentence(idea)}" for number, idea in enumerate(chosen, start=1))
    return f"Here are {slots['count']} ideas for {slots['occasion']} with {company}:\n{lines}"


ONE_MORE_IDEA = FollowUp(
    form=Form(
        (
            "One more, please.",
            "Do you have another idea?",
            "Can you think of one more?",
            "Not bad. What else?",
            "I like these. Another one?",
        )
    ),
    reply=lambda first, _: f"How about this: {IDEAS[first['occasion']][NUMBER_WORDS[first['count']]]}?",
)

BRAINSTORM = Family(
    name="ideas",
    category="Brainstorming",
    form=Form(
        (
            "Give me {count} ideas for {occasion} with {company}.",
            "Brainstorm {count} ideas for {occasion} with {company}.",
            "I need {count} ideas for {occasion} with {company}.",
            "Can you come up with {count} ideas for {occasion} with {company}?",
            "What are {count} good ideas for {occasion} with {company}?",
            "We are planning {occasion} with {company}. Please suggest {count} ideas.",
            "Help me think of {count} ideas for {occasion} with {company}.",
            "I am thinking about {occasion} with {company}, but I have no ideas. Give me {count}.",
            "List {count} ideas for {occasion} with {company}.",
            "Do you have {count} ideas for {occasion} with {company}?",
            "Let us brainstorm! I want {occasion} with {company}. Start with {count} ideas.",
            "My head is empty. Any ideas for {occasion} with {company}? I only need {count}.",
            "Soon it is time for {occasion} with {company}. What are {count} things we could do?",
            "Suggest {count} ideas. It is about {occasion} with {company}.",
            "Please write down {count} ideas for {occasion} with {company}.",
            "I want {occasion} with {company} to be special. Tell me {count} ideas.",
        ),
        IDEA_SLOTS,
    ),
    draw=draw_each(IDEA_SLOTS),
    reply=lambda slots, _: reply_ideas(slots),
    follow_ups=(ONE_MORE_IDEA,),
    weight=1.1,
    intent="to get ideas for an occasion",
    knowledge="everyday ideas",
)

# -- examples ----------------------------------------------------------------------------------------------------------

PURPOSES = (
    "a word game", "my homework", "a quiz", "a story", "a crossword", "a lesson", "a poem", "a song", "a puzzle",
    "a school play", "a party game", "a children's book",
)  # fmt: skip
EXAMPLE_SLOTS = {"count": COUNT, "kind": one_of(list(KINDS), "[a-z ]+?"), "purpose": one_of(PURPOSES)}


def reply_examples(slots: Slots, _: Random) -> str:
    chosen = list(KINDS[slots["kind"]][1][: NUMBER_WORDS[slots["count"]]])
    purpose = slots["purpose"].replace("my ", "your ").replace("a ", "your ", 1)
    return f"Here are {slots['count']} {slots['kind']} for {purpose}: {comma_and(chosen)}."


ANOTHER = FollowUp(
    form=Form(
        (
            "One more, please.",
            "Can you name one more?",
            "And another one?",
            "I need one more.",
            "Thanks! Is there another?",
        )
    ),
    reply=lambda first, _: f"Another one is {KINDS[first['kind']][1][NUMBER_WORDS[first['count']]]}.",
)

EXAMPLES = Family(
    name="examples",
    category="Brainstorming",
    form=Form(
        (
            "Name {count} {kind} for {purpose}.",
            "I need {count} {kind} for {purpose}.",
            "List {count} {kind} that I can use in {purpose}.",
            "Can you give me {count} examples of {kind} for {purpose}?",
            "For {purpose} I have to name {count} {kind}. Help!",
            "Think of {count} {kind} for {purpose}.",
            "What are {count} {kind} that would fit in {purpose}?",
            "Give me {count} {kind}. They are for {purpose}.",
            "I am preparing {purpose}. Can you name {count} {kind}?",
            "Please list {count} {kind} for {purpose}.",
            "Could you tell me {count} {kind}? I want to use them in {purpose}.",
            "We are collecting {kind} for {purpose}. Name {count}.",
            "Which {count} {kind} could I use for {purpose}?",
            "{count} {kind} for {purpose}, please.",
            "For {purpose} we are looking for {count} {kind}.",
            "I cannot think of any {kind} for {purpose}. Tell me {count}.",
        ),
        EXAMPLE_SLOTS,
    ),
    draw=draw_each(EXAMPLE_SLOTS),
    reply=reply_examples,
    follow_ups=(ANOTHER,),
    intent="to get examples of a kind of thing",
    knowledge="knowledge of everyday words",
    difficulty=lambda slots: "easy" if NUMBER_WORDS[slots["count"]] > 3 else "very easy",
)

FAMILIES = (BRAINSTORM, EXAMPLES)
