"""Reasoning: story sums, who is the tallest, number sequences, rules and time have files of their own."""

from itertools import pairwise
from random import Random

from fledgling.families import reasoning_rules, reasoning_time
from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, exactly, one_of
from fledgling.slots import NUMBER, NUMBERS, PERSON, THINGS, between, named, number, numbers
from fledgling.steps import add_steps, last_number, subtract_steps
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

# -- who is the tallest ------------------------------------------------------------------------------------------------

# comparative -> (superlative, opposite superlative)
COMPARE = {
    "taller": ("tallest", "shortest"),
    "older": ("oldest", "youngest"),
    "faster": ("fastest", "slowest"),
    "stronger": ("strongest", "weakest"),
    "richer": ("richest", "poorest"),
    "happier": ("happiest", "saddest"),
    "louder": ("loudest", "quietest"),
}
ENDS = tuple(end for ends in COMPARE.values() for end in ends)


def draw_order(rng: Random) -> Slots:
    a, b, c = rng.sample(NAMES, 3)
    more = rng.choice(list(COMPARE))
    return {"a": a, "b": b, "c": c, "more": more, "most": rng.choice(COMPARE[more])}


def point_out(slots: Slots, most: str) -> str:
    """First where the one asked for stands, then the name: a small model cannot do both at once."""
    place, name = ("first", slots["a"]) if most == COMPARE[slots["more"]][0] else ("last", slots["c"])
    return f"The {most} comes {place}, so it is {name}."


def reply_order(slots: Slots, _: Random) -> str:
    high, low = COMPARE[slots["more"]]
    order = f"{slots['a']}, {slots['b']}, {slots['c']}"
    return f"From {high} to {low}: {order}. {point_out(slots, slots['most'])}"


def other_end(slots: Slots) -> str:
    high, low = COMPARE[slots["more"]]
    return low if slots["most"] == high else high


def last_is_harder(slots: Slots) -> Difficulty:
    return "easy" if slots["most"] == COMPARE[slots["more"]][0] else "medium"


WHO_THEN = FollowUp(
    form=Form(
        (
            "And who is the {most}?",
            "Who is the {most} then?",
            "And the {most}?",
            "So who of them is the {most}?",
            "Can you also say who is the {most}?",
        ),
        {"most": one_of(ENDS, "[a-z]+")},
    ),
    draw=lambda first, _: {"most": other_end(first)},
    reply=lambda first, own: point_out(first, own["most"]),
)

ORDER = Family(
    name="order",
    category="Reasoning",
    form=Form(
        (
            "{a} is {more} than {b}, and {b} is {more} than {c}. Who is the {most}?",
            "{a} is {more} than {b}. {b} is {more} than {c}. Who is the {most} of the three?",
            "If {a} is {more} than {b} and {b} is {more} than {c}, who is the {most}?",
            "We know that {a} is {more} than {b} and that {b} is {more} than {c}. Who is the {most}?",
            "Who is the {most} if {a} is {more} than {b} and {b} is {more} than {c}?",
            "Three friends met. {a} is {more} than {b}, and {b} is {more} than {c}. Who is the {most}?",
            "Here is a puzzle: {a} is {more} than {b}, {b} is {more} than {c}. Which of them is the {most}?",
            "Tell me who is the {most}: {a} is {more} than {b}, and {b} is {more} than {c}.",
            "My cousins are {a}, who is {more} than {b}, and {b}, who is {more} than {c}. Who is the {most}?",
            "In our class {a} is {more} than {b}, and {b} is {more} than {c}. Who of these is the {most}?",
            "I was told that {a} is {more} than {b} and {b} is {more} than {c}. So who is the {most}?",
            "Suppose {a} is {more} than {b}, and {b} is {more} than {c}. Name the {most} one.",
            "Everybody says that {a} is {more} than {b}. And {b} is {more} than {c}. Who is the {most} then?",
            "Find the {most} person. {a} is {more} than {b}, and {b} is {more} than {c}.",
            "Let {a} be {more} than {b}, and let {b} be {more} than {c}. Who is the {most}?",
            "At the table sit {a}, who is {more} than {b}, and {b}, who is {more} than {c}. Who is the {most} of all?",
        ),
        {
            "a": PERSON,
            "b": PERSON,
            "c": PERSON,
            "more": one_of(list(COMPARE), "[a-z]+"),
            "most": one_of(ENDS, "[a-z]+"),
        },
    ),
    draw=draw_order,
    reply=reply_order,
    sensible=lambda slots: slots["most"] in COMPARE[slots["more"]] and named(slots, "a", "b", "c"),
    follow_ups=(WHO_THEN,),
    intent="to know who stands at one end of an order",
    knowledge="ordering three people from two comparisons",
    difficulty=last_is_harder,
)

# -- sequences ---------------------------------------------------------------------------------------------------------


def draw_sequence(rng: Random) -> Slots:
    start, step, length = rng.randint(1, 60), rng.randint(2, 12), rng.randint(3, 5)
    return {"numbers": ", ".join(str(start + step * i) for i in range(length))}


def grows_evenly(slots: Slots) -> bool:
    steps = {after - before for before, after in pairwise(numbers(slots))}
    return len(numbers(slots)) > 2 and len(steps) == 1 and min(steps) > 0


def go_on(slots: Slots, times: int) -> str:
    """The equation that gives the number `times` places after the last: 13 + 3 = 16"""
    first, second, *_, last = numbers(slots)
    step = second - first
    before = last + step * (times - 1)
    return f"{before} + {step} = {before + step}"


def reply_sequence(slots: Slots, _: Random) -> str:
    first, second = numbers(slots)[:2]
    rule = f"{first} + {second - first} = {second}, and each number is {second - first} more than the one before it."
    return f"{rule} {go_on(slots, 1)}. The next number is {last_number(go_on(slots, 1))}."


def size_of_step(slots: Slots) -> Difficulty:
    first, second = numbers(slots)[:2]
    return "very easy" if second - first in (2, 5, 10) else "easy" if second - first < 10 else "medium"


AFTER_THAT = FollowUp(
    form=Form(
        (
            "And the number after that?",
            "What comes after that?",
            "And the next one?",
            "Give me one more number.",
            "How does it go on from there?",
        )
    ),
    reply=lambda first, _: f"{go_on(first, 2)}. After that comes {last_number(go_on(first, 2))}.",
)

SEQUENCE = Family(
    name="sequence",
    category="Reasoning",
    form=Form(
        (
            "What comes next: {numbers}?",
            "Continue the sequence {numbers}.",
            "What is the next number in this sequence: {numbers}?",
            "Find the next number: {numbers}.",
            "Which number follows {numbers}?",
            "Look at the pattern {numbers}. What is the next number?",
            "I see the numbers {numbers}. Which one comes next?",
            "The house numbers in our street are {numbers}. What is the next one?",
            "How does this go on: {numbers}?",
            "My son wrote {numbers} on the wall. What should he write next?",
            "Can you continue {numbers} by one number?",
            "A puzzle shows {numbers} and then a gap. Which number belongs there?",
            "There is a rule behind {numbers}. What is the next number?",
            "The lamp blinks at second {numbers}. When does it blink next?",
            "Please tell me what number comes after {numbers} in this pattern.",
            "These numbers grow evenly: {numbers}. What is next?",
        ),
        {"numbers": NUMBERS},
    ),
    draw=draw_sequence,
    reply=reply_sequence,
    sensible=grows_evenly,
    follow_ups=(AFTER_THAT,),
    intent="to continue a number pattern",
    knowledge="seeing by how much numbers grow",
    difficulty=size_of_step,
    weight=1.1,
)

FAMILIES = (STORY_SUM, ORDER, SEQUENCE, *reasoning_rules.FAMILIES, *reasoning_time.FAMILIES)
