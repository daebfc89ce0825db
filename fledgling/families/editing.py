"""Editing: change a tense, mend a verb, make a sentence formal, replace a word."""

import re
from random import Random

from fledgling.family import Family, FollowUp, Form, Slot, Slots, exactly
from fledgling.words import NAMES

# base, third person, past, object
VERBS = tuple(
    tuple(line.split("|"))
    for line in """walk|walks|walked|to the park
play|plays|played|the piano
cook|cooks|cooked|dinner
visit|visits|visited|an old friend
clean|cleans|cleaned|the kitchen
watch|watches|watched|a movie
write|writes|wrote|a letter
eat|eats|ate|an apple
drink|drinks|drank|some tea
read|reads|read|a long book
go|goes|went|to school
buy|buys|bought|fresh bread
sing|sings|sang|a song
run|runs|ran|five miles
swim|swims|swam|in the lake
make|makes|made|a cake
see|sees|saw|a bird
take|takes|took|the bus
drive|drives|drove|to work
teach|teaches|taught|a class
paint|paints|painted|a picture
call|calls|called|a friend
open|opens|opened|the window
study|studies|studied|history
help|helps|helped|the neighbors
find|finds|found|a coin
sell|sells|sold|old books
bring|brings|brought|the mail
wash|washes|washed|the car
plant|plants|planted|a tree
bake|bakes|baked|some bread
carry|carries|carried|a heavy bag
feed|feeds|fed|the cat
fix|fixes|fixed|the old bicycle
build|builds|built|a small boat
catch|catches|caught|a fish""".splitlines()
)
BY_BASE = {verb[0]: verb for verb in VERBS}
BY_THIRD = {verb[1]: verb for verb in VERBS}

SUBJECTS = (
    "She", "He", "My sister", "My brother", "The teacher", "The doctor", "My mother", "My father", "The boy",
    "The girl", "Our neighbor", "The old man", "My uncle", "The student", *NAMES[:24],
)  # fmt: skip
WHEN = (
    "every morning", "on Sundays", "after lunch", "in the evening", "every week", "before noon", "with a friend",
    "at night", "in the summer", "after school", "on Friday", "once a month",
)  # fmt: skip
SUBJECT, OBJECT, TIME = exactly(SUBJECTS), exactly([verb[3] for verb in VERBS]), exactly(WHEN)


def draw_sentence(rng: Random, verb: tuple[str, ...], form: int) -> Slots:
    return {"subject": rng.choice(SUBJECTS), "verb": verb[form], "object": verb[3], "when": rng.choice(WHEN)}


def with_verb(slots: Slots, verb: str) -> str:
    return f"{slots['subject']} {verb} {slots['object']} {slots['when']}."


# -- the past tense ----------------------------------------------------------------------------------------------------


def past(slots: Slots) -> str:
    return with_verb(slots, BY_THIRD[slots["verb"]][2])


FUTURE = FollowUp(
    form=Form(("Now put it in the future.", "And in the future tense?", "Now make it about the future.")),
    reply=lambda first, _: f"In the future tense: {with_verb(first, 'will ' + BY_THIRD[first['verb']][0])}",
)

PAST_TENSE = Family(
    name="past_tense",
    category="Editing",
    form=Form(
        (
            "Rewrite this sentence in the past tense: {subject} {verb} {object} {when}.",
            "Change to past tense: {subject} {verb} {object} {when}.",
            "Put the following sentence in the past tense. {subject} {verb} {object} {when}.",
            'How do I say "{subject} {verb} {object} {when}" in the past tense?',
            "Turn this into the past: {subject} {verb} {object} {when}.",
            "What is the past tense of this sentence? {subject} {verb} {object} {when}.",
        ),
        {"subject": SUBJECT, "verb": exactly(list(BY_THIRD)), "object": OBJECT, "when": TIME},
    ),
    draw=lambda rng: draw_sentence(rng, rng.choice(VERBS), 1),
    reply=lambda slots, _: f"In the past tense: {past(slots)}",
    follow_ups=(FUTURE,),
)

# -- a verb that does not agree ----------------------------------------------------------------------------------------


def mended(slots: Slots) -> str:
    return with_verb(slots, BY_BASE[slots["verb"]][1])


def reply_agreement(slots: Slots, _: Random) -> str:
    verb = BY_BASE[slots["verb"]]
    return f'Here "{verb[0]}" should be "{verb[1]}". The correct sentence is: {mended(slots)}'


AGREEMENT = Family(
    name="agreement",
    category="Editing",
    form=Form(
        (
            "Correct the grammar: {subject} {verb} {object} {when}.",
            "Fix the mistake in this sentence: {subject} {verb} {object} {when}.",
            "Is this sentence correct? {subject} {verb} {object} {when}.",
            "Please check my grammar: {subject} {verb} {object} {when}.",
            'My teacher says that "{subject} {verb} {object} {when}" is wrong. Why?',
            "Proofread this: {subject} {verb} {object} {when}.",
        ),
        {"subject": SUBJECT, "verb": exactly(list(BY_BASE)), "object": OBJECT, "when": TIME},
    ),
    draw=lambda rng: draw_sentence(rng, rng.choice(VERBS), 0),
    reply=reply_agreement,
)

# -- a formal tone -----------------------------------------------------------------------------------------------------

WANT = {"wanna": "would like to", "gotta": "have to", "gonna": "intend to"}
# casual verb -> (formal verb, what it goes with)
FORMAL_VERB = {
    "buy": ("purchase", ("a ticket", "a new computer", "a larger house", "two chairs")),
    "get": ("obtain", ("more information", "some more time", "the documents", "a license")),
    "fix": ("repair", ("the old machine", "the printer", "the broken door", "the roof")),
    "show": ("present", ("the results", "the new report", "our plan", "the first draft")),
    "ask for": ("request", ("a quick answer", "a refund", "a longer break", "a copy")),
    "start": ("begin", ("the project", "the next meeting", "the course", "the search")),
    "look at": ("examine", ("the contract", "the numbers", "the evidence", "the new rules")),
    "talk about": ("discuss", ("the budget", "the schedule", "our future", "the problem")),
    "tell them about": ("inform them of", ("the delay", "the decision", "the accident", "the new date")),
}
FORMAL_SLOTS = {
    "who": exactly(("I", "We", "They", "You")),
    "want": exactly(list(WANT)),
    "verb": exactly(list(FORMAL_VERB)),
    "what": exactly([what for _, objects in FORMAL_VERB.values() for what in objects]),
}


def draw_formal(rng: Random) -> Slots:
    verb = rng.choice(list(FORMAL_VERB))
    want, who = rng.choice(list(WANT)), rng.choice(FORMAL_SLOTS["who"].words)
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
        ),
        FORMAL_SLOTS,
    ),
    draw=draw_formal,
    reply=lambda slots, _: f"A more formal version is: {formal(slots)}",
)

# -- one word for another ----------------------------------------------------------------------------------------------

WORDS = ("cat", "dog", "house", "garden", "river", "teacher", "bread", "window", "train", "book", "child", "song")


def draw_replace(rng: Random) -> Slots:
    old, new, other = rng.sample(WORDS, 3)
    name = rng.choice(NAMES)
    text = rng.choice(
        (
            f"{name} saw the {old} near the {other}.",
            f"The {old} belongs to {name}.",
            f"{name} likes the {old} more than the {other}.",
            f"The {other} and the {old} are old.",
            f"Every day {name} thinks of the {old}.",
            f"There is a {old} behind the {other}.",
        )
    )
    return {"old": old, "new": new, "text": text.rstrip(".")}


def replaced(slots: Slots) -> str:
    return re.sub(rf"\b{slots['old']}\b", slots["new"], slots["text"]) + "."


def holds_word(slots: Slots) -> bool:
    return bool(re.search(rf"\b{slots['old']}\b", slots["text"])) and slots["old"] != slots["new"]


REPLACE = Family(
    name="replace",
    category="Editing",
    form=Form(
        (
            'Replace "{old}" with "{new}": {text}.',
            'In this sentence, change the word "{old}" to "{new}". {text}.',
            'Please use "{new}" instead of "{old}" here: {text}.',
            'Swap the word "{old}" for "{new}" in this line: {text}.',
            'Edit this so that it says "{new}" and not "{old}": {text}.',
        ),
        {"old": Slot("[a-z]+"), "new": Slot("[a-z]+"), "text": Slot(r"[^.\n]+")},
    ),
    draw=draw_replace,
    reply=lambda slots, _: f"Here is the new sentence: {replaced(slots)}",
    sensible=holds_word,
)

FAMILIES = (PAST_TENSE, AGREEMENT, FORMAL, REPLACE)
