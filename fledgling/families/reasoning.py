"""Reasoning: story sums. Time has a file of its own."""

from random import Random

from fledgling.families import reasoning_time
from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, exactly
from fledgling.slots import NUMBER, PERSON, THINGS, between, named, number
from fledgling.steps import add_steps, subtract_steps
from fledgling.words import ITEMS, NAMES

# -- story sums --------------------------------------------------------------------------------------------------------

GAINS = ("buys", "finds", "gets", "wins")
LOSSES = ("loses", "sells", "gives away", "drops")


def draw_story_sum(rng: Random) -> Slots:
    change = rng.choice(GAINS + LOSSES)
    a = rng.randint(5, 80)
    b = rng.randint(2, 60 if change in GAINS else a - 1)
    return {"name": rng.choice(NAMES), "a": str(a), "b": str(b), "items": rng.choice(ITEMS), "change": change}


def left_over(slots: Slots) -> int:
    a, b = number(slots, "a"), number(slots, "b")
    return a + b if slots["change"] in GAINS else a - b


def reply_story_sum(slots: Slots, _: Random) -> str:
    a, b = number(slots, "a"), number(slots, "b")
    what = f"{slots['name']} starts with {a} {slots['items']} and {slots['change']} {b}, so we "
    steps = f"add: {add_steps(a, b)}" if slots["change"] in GAINS else f"subtract: {subtract_steps(a, b)}"
    left = left_over(slots)
    return f"{what}{steps}. {slots['name']} now has {'just 1' if left == 1 else f'{left} ' + slots['items']}."


def carries(slots: Slots) -> Difficulty:
    a, b = number(slots, "a"), number(slots, "b")
    if max(a, b) < 20:
        return "easy"
    hard = a % 10 + b % 10 > 9 if slots["change"] in GAINS else a % 10 < b % 10
    return "hard" if hard else "medium"


THEN_GETS = FollowUp(
    form=Form(
        (
            "And if {name} then gets {n} more?",
            "What if {name} gets {n} more?",
            "Then {name} gets {n} more. How many now?",
            "And how many if {name} is given {n} more?",
            "Later {name} finds {n} more. How many does that make?",
        ),
        {"name": PERSON, "n": NUMBER},
    ),
    draw=lambda first, rng: {"name": first["name"], "n": str(rng.randint(2, 9))},
    reply=lambda first, own: (
        f"Then we add {own['n']}: {add_steps(left_over(first), number(own, 'n'))}. "
        f"{first['name']} would have {left_over(first) + number(own, 'n')} {first['items']}."
    ),
)

STORY_SUM = Family(
    name="story_sum",
    category="Reasoning",
    form=Form(
        (
            "{name} has {a} {items} and {change} {b}. How many {items} does {name} have now?",
            "If {name} has {a} {items} and {change} {b} of them, how many {items} are there in the end?",
            "{name} starts the day with {a} {items}. Then {name} {change} {b}. How many {items} does {name} have?",
            "How many {items} does {name} have after starting with {a} if {name} {change} {b}?",
            "Solve this: {name} has {a} {items}, then {change} {b}. How many does {name} have?",
            "In the morning {name} has {a} {items}. At noon {name} {change} {b}. How many are there in the evening?",
            "There are {a} {items} on the table of {name}, who then {change} {b}. How many {items} is that?",
            "{name} counted {a} {items} at home. Today {name} {change} {b}. What is the count now?",
            "Yesterday {name} had {a} {items}. Today {name} {change} {b}. How many {items} are there today?",
            "My friend {name} has {a} {items} and {change} {b}. Can you tell me how many that makes?",
            "This is my homework: {name} has {a} {items} and {change} {b}. How many {items} now?",
            "Imagine that {name} has {a} {items} and {change} {b}. How many {items} does {name} have?",
            "Please help with a story problem. {name} has {a} {items} and {change} {b}. How many are there now?",
            "With {a} {items} in the bag, {name} goes to the fair and {change} {b}. How many {items} come home?",
            "{name} collects {items}. There are {a} in the box, and {name} {change} {b}. How many are there now?",
            "First {name} has {a} {items}, then {name} {change} {b}. What number of {items} is that?",
        ),
        {"name": PERSON, "a": NUMBER, "items": THINGS, "b": NUMBER, "change": exactly(GAINS + LOSSES)},
    ),
    draw=draw_story_sum,
    reply=reply_story_sum,
    sensible=lambda slots: left_over(slots) >= 0 and named(slots, "name") and between(slots, 1, 999, "a", "b"),
    follow_ups=(THEN_GETS,),
    intent="to solve a short story problem",
    knowledge="adding and subtracting",
    difficulty=carries,
    weight=1.2,
)

FAMILIES = (STORY_SUM, *reasoning_time.FAMILIES)
