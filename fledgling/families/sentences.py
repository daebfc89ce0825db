"""Sentences for the families that edit: who does what, and when. Knows no family.

A sentence is a subject, a verb, an object and a time. The four are drawn on their own, so any mixture is a sentence.
"""

from random import Random

from fledgling.family import Slots, exactly
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
drink|drinks|drank|a cup of tea
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
bake|bakes|baked|a pie
carry|carries|carried|a heavy bag
feed|feeds|fed|the cat
fix|fixes|fixed|the old bicycle
build|builds|built|a small boat
catch|catches|caught|a fish""".splitlines()
)
BY_BASE = {verb[0]: verb for verb in VERBS}
BY_THIRD = {verb[1]: verb for verb in VERBS}

PEOPLE = (
    "She", "He", "My sister", "My brother", "The teacher", "The doctor", "My mother", "My father", "The boy",
    "The girl", "Our neighbor", "The old man", "My uncle", "The student",
)  # fmt: skip
SUBJECTS = (*PEOPLE, *NAMES[:24])
WHEN = (
    "every morning", "on Sundays", "after lunch", "in the evening", "every week", "before noon", "with a friend",
    "at night", "in the summer", "after school", "on Friday", "once a month",
)  # fmt: skip
SUBJECT, OBJECT, TIME = exactly(SUBJECTS), exactly([verb[3] for verb in VERBS]), exactly(WHEN)
BASE, THIRD = exactly(list(BY_BASE)), exactly(list(BY_THIRD))


def draw_sentence(rng: Random, form: int) -> Slots:
    """`form` says how the verb stands: 0 for its base, 1 for the third person."""
    verb = rng.choice(VERBS)
    return {"subject": rng.choice(SUBJECTS), "verb": verb[form], "object": verb[3], "when": rng.choice(WHEN)}


def with_verb(slots: Slots, verb: str) -> str:
    return f"{slots['subject']} {verb} {slots['object']} {slots['when']}."


def inside(subject: str) -> str:
    """The subject as it stands inside a sentence: the doctor, but Anna."""
    return subject[0].lower() + subject[1:] if subject in PEOPLE else subject
