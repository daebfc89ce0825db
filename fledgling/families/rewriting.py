"""Editing, the wording and the looks of a text: a formal tone, a list."""

from random import Random

from fledgling.family import Family, FollowUp, Form, Slots, exactly
from fledgling.words import sentence

# -- a formal tone -----------------------------------------------------------------------------------------------------

WHO = (
    "I", "We", "They", "You", "My colleagues", "The students", "My neighbors", "Our customers", "My wife and I",
    "My parents", "The new members", "Some people", "The players", "Our guests",
)  # fmt: skip
WANT = {"wanna": "would like to", "gotta": "have to", "gonna": "intend to"}
# casual verb -> (formal verb, what it goes with)
FORMAL_VERB = {
    "buy": ("purchase", ("a ticket", "a new computer", "a larger house", "two chairs", "some flowers")),
    "get": ("obtain", ("more information", "some more time", "the documents", "a license", "a better offer")),
    "fix": ("repair", ("the old machine", "the printer", "the broken door", "the roof", "the heating")),
    "show": ("present", ("the results", "the new report", "our plan", "the first draft", "the photographs")),
    "ask for": ("request", ("a quick answer", "a refund", "a longer break", "a copy", "a quiet room")),
    "start": ("begin", ("the project", "the next meeting", "the course", "the search", "the second part")),
    "look at": ("examine", ("the contract", "the numbers", "the evidence", "the new rules", "the map")),
    "talk about": ("discuss", ("the budget", "the schedule", "our future", "the problem", "the menu")),
    "tell them about": ("inform them of", ("the delay", "the decision", "the accident", "the new date", "the move")),
}
FORMAL_SLOTS = {
    "who": exactly(WHO),
    "want": exactly(list(WANT)),
    "verb": exactly(list(FORMAL_VERB)),
    "what": exactly([what for _, objects in FORMAL_VERB.values() for what in objects]),
}


def draw_formal(rng: Random) -> Slots:
    verb = rng.choice(list(FORMAL_VERB))
    want, who = rng.choice(list(WANT)), rng.choice(WHO)
    return {"who": who, "want": want, "verb": verb, "what": rng.choice(FORMAL_VERB[verb][1])}


def formal(slots: Slots) -> str:
    return f"{slots['who']} {WANT[slots['want']]} {FORMAL_VERB[slots['verb']][0]} {slots['what']}."


FORMAL = Family(
    name="formal",
    category="Editing",
    form=Form(
        (
            "Make this sentence more formal: {who} {want} {verb} {what}.",
            "Rewrite in formal English: {who} {want} {verb} {what}.",
            "How can I say this more politely? {who} {want} {verb} {what}.",
            "I am writing to my boss. How should I put this: {who} {want} {verb} {what}.",
            'Give me a formal version of "{who} {want} {verb} {what}".',
            "This sounds too casual: {who} {want} {verb} {what}. Can you improve it?",
            "Please make this sound professional: {who} {want} {verb} {what}.",
            "Can you rewrite this for a business letter? {who} {want} {verb} {what}.",
            'What is a more polite way to write "{who} {want} {verb} {what}"?',
            "My report must be formal. Please change this line: {who} {want} {verb} {what}.",
            "Formal style, please: {who} {want} {verb} {what}.",
            "I would never write this to a client: {who} {want} {verb} {what}. What is better?",
            "Improve the tone of this sentence: {who} {want} {verb} {what}.",
            'How would a lawyer write "{who} {want} {verb} {what}"?',
            "Make this less casual: {who} {want} {verb} {what}.",
            "{who} {want} {verb} {what}. Can you say that in formal English?",
            "This is for an official email. Rewrite it: {who} {want} {verb} {what}.",
        ),
        FORMAL_SLOTS,
    ),
    draw=draw_formal,
    reply=lambda slots, _: f"A more formal version is: {formal(slots)}",
    weight=0.8,
    intent="to have a casual sentence made formal",
    knowledge="a feeling for formal English",
    difficulty=lambda _: "medium",
)

# -- a list out of a sentence ------------------------------------------------------------------------------------------

THINGS = (
    "milk", "eggs", "butter", "a tent", "a map", "some water", "warm socks", "a lamp", "batteries", "bread", "cheese",
    "apples", "a rope", "matches", "a blanket", "paper cups", "napkins", "candles", "a cake", "juice", "soap",
    "towels", "a hammer", "nails", "white paint", "a brush", "pencils", "notebooks", "glue", "a ruler", "tea", "rice",
    "onions", "a camera", "sunscreen", "good shoes", "a kettle", "a radio", "two chairs", "a ladder",
)  # fmt: skip
THING = exactly(THINGS)
LIST_SLOTS = {"a": THING, "b": THING, "c": THING}


def draw_list(rng: Random) -> Slots:
    return dict(zip("abc", rng.sample(THINGS, 3), strict=True))


def bullets(*things: str) -> str:
    return "\n".join(f"- {sentence(thing)}" for thing in things)


def numbered(slots: Slots) -> str:
    return "\n".join(f"{number}. {sentence(slots[key])}" for number, key in enumerate("abc", start=1))


def add_one(first: Slots, rng: Random) -> Slots:
    return {"d": rng.choice([thing for thing in THINGS if thing not in first.values()])}


NUMBERED = FollowUp(
    form=Form(
        (
            "Now with numbers, please.",
            "Can you number them?",
            "Make it a numbered list instead.",
            "And as a numbered list?",
            "I would like numbers instead of dashes.",
        )
    ),
    reply=lambda first, _: numbered(first),
)
ADD = FollowUp(
    form=Form(
        (
            "Add {d} to the list.",
            "I forgot {d}. Please add it at the end.",
            "Now add {d}.",
            "Can you put {d} on the list as well?",
            "We also need {d}.",
        ),
        {"d": THING},
    ),
    draw=add_one,
    reply=lambda first, own: bullets(*(first[key] for key in "abc"), own["d"]),
)


def three_things(slots: Slots) -> bool:
    return len({slots[key] for key in "abc"}) == 3


BULLETS = Family(
    name="bullets",
    category="Editing",
    form=Form(
        (
            "Turn this into a list: we need {a}, {b} and {c}.",
            "Make a bullet list from this sentence: I have to buy {a}, {b} and {c}.",
            "Write {a}, {b} and {c} as a list.",
            "Please format this as bullet points: {a}, {b} and {c}.",
            "I must not forget {a}, {b} and {c}. Can you make a list of that?",
            "For the weekend we want {a}, {b} and {c}. Put that in a list.",
            "My note says: bring {a}, {b} and {c}. Make it a list, please.",
            "Could you break this up into bullet points? Tom asked for {a}, {b} and {c}.",
            "Rewrite as a checklist: get {a}, {b} and {c} before Friday.",
            "I am packing {a}, {b} and {c}. Show me that as a list.",
            "Bullet points, please: {a}, {b} and {c}.",
            "Here is what is missing at home: {a}, {b} and {c}. Turn it into a list.",
            "How would this look as a list? We still need {a}, {b} and {c}.",
            "Make this easier to read: you need {a}, {b} and {c}.",
            "Take this sentence and list the things in it: my aunt wants {a}, {b} and {c}.",
            "List these one below the other: {a}, {b} and {c}.",
        ),
        LIST_SLOTS,
    ),
    draw=draw_list,
    reply=lambda slots, _: bullets(*(slots[key] for key in "abc")),
    sensible=three_things,
    follow_ups=(NUMBERED, ADD),
    weight=0.8,
    intent="to have a sentence turned into a list",
    knowledge="careful copying",
    difficulty=lambda _: "very easy",
)

FAMILIES = (FORMAL, BULLETS)
