"""Reasoning: story sums, days of the week, who is the tallest, the odd one out, number sequences."""

import re
from itertools import pairwise
from random import Random

from fledgling.family import NUMBER, Family, FollowUp, Form, Slot, Slots, one_of
from fledgling.steps import add_steps, last_number, subtract_steps
from fledgling.words import DAYS, ITEMS, KIND_OF, KINDS, NAMES

NAME = one_of(NAMES, "[a-z]+")

# -- story sums --------------------------------------------------------------------------------------------------------

GAINS = ("buys", "finds", "gets", "wins")
LOSSES = ("loses", "sells", "gives away", "drops")


def draw_story_sum(rng: Random) -> Slots:
    change = rng.choice(GAINS + LOSSES)
    a = rng.randint(5, 80)
    b = rng.randint(2, 60 if change in GAINS else a - 1)
    return {"name": rng.choice(NAMES), "a": str(a), "b": str(b), "items": rng.choice(ITEMS), "change": change}


def left_over(slots: Slots) -> int:
    a, b = int(slots["a"]), int(slots["b"])
    return a + b if slots["change"] in GAINS else a - b


def reply_story_sum(slots: Slots, _: Random) -> str:
    a, b = int(slots["a"]), int(slots["b"])
    gain = slots["change"] in GAINS
    what = f"{slots['name']} starts with {a} {slots['items']} and {slots['change']} {b}, so we "
    steps = f"add: {add_steps(a, b)}" if gain else f"subtract: {subtract_steps(a, b)}"
    return f"{what}{steps}. {slots['name']} now has {left_over(slots)} {slots['items']}."


THEN_GETS = FollowUp(
    form=Form(
        (
            "And if {name} then gets {n} more?",
            "What if {name} gets {n} more?",
            "Then {name} gets {n} more. How many now?",
        ),
        {"name": NAME, "n": NUMBER},
    ),
    draw=lambda first, rng: {"name": first["name"], "n": str(rng.randint(2, 9))},
    reply=lambda first, own: (
        f"Then we add {own['n']}: {add_steps(left_over(first), int(own['n']))}. "
        f"{first['name']} would have {left_over(first) + int(own['n'])} {first['items']}."
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
            "There are {a} {items} in a box. {name} {change} {b}. How many {items} are there now?",
            "How many {items} does {name} have after starting with {a} if {name} {change} {b}?",
            "Solve this: {name} has {a} {items}, then {change} {b}. What is left?",
        ),
        {
            "name": NAME,
            "a": NUMBER,
            "items": one_of(ITEMS, "[a-z]+"),
            "b": NUMBER,
            "change": one_of(GAINS + LOSSES, "|".join(GAINS + LOSSES)),
        },
    ),
    draw=draw_story_sum,
    reply=reply_story_sum,
    sensible=lambda slots: left_over(slots) >= 0,
    follow_ups=(THEN_GETS,),
    weight=1.3,
)

# -- days of the week --------------------------------------------------------------------------------------------------


def day_after(day: str, n: int) -> str:
    return DAYS[(DAYS.index(day) + n) % 7]


def count_days(day: str, n: int) -> str:
    """Monday, 9 -> 7 days later it is Monday again. Then 2 more: Tuesday, Wednesday. So it will be Wednesday."""
    whole, rest = divmod(n, 7)
    passed = ", ".join(day_after(day, step) for step in range(1, rest + 1))
    end = f"So it will be {day_after(day, n)}."
    if not whole:
        return f"Count {n} days from {day}: {passed}. {end}"
    again = f"After {7 * whole} days it is {day} again."
    return f"{again} Then count {rest} more: {passed}. {end}" if rest else f"{again} {end}"


IN_N_DAYS = FollowUp(
    form=Form(("And in {n} days?", "What about in {n} days?", "And {n} days later?"), {"n": NUMBER}),
    draw=lambda _, rng: {"n": str(rng.randint(2, 13))},
    reply=lambda first, own: count_days(first["day"], int(own["n"])),
)

WEEKDAY = Family(
    name="weekday",
    category="Reasoning",
    form=Form(
        (
            "If today is {day}, what day will it be in {n} days?",
            "Today is {day}. Which day of the week is it in {n} days?",
            "What day comes {n} days after {day}?",
            "It is {day} now. What day is it {n} days from now?",
            "My party is {n} days after {day}. Which day is that?",
            "A letter is sent on {day} and takes {n} days. On which day does it arrive?",
            "Which day is {n} days later than {day}?",
        ),
        {"day": one_of(DAYS, "[a-z]+"), "n": NUMBER},
    ),
    draw=lambda rng: {"day": rng.choice(DAYS), "n": str(rng.randint(2, 16))},
    reply=lambda slots, _: count_days(slots["day"], int(slots["n"])),
    follow_ups=(IN_N_DAYS,),
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


AND_WHO = FollowUp(
    form=Form(
        ("And who is the {most}?", "Who is the {most} then?", "And the {most}?"), {"most": one_of(ENDS, "[a-z]+")}
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
        ),
        {"a": NAME, "b": NAME, "c": NAME, "more": one_of(list(COMPARE), "[a-z]+"), "most": one_of(ENDS, "[a-z]+")},
    ),
    draw=draw_order,
    reply=reply_order,
    sensible=lambda slots: slots["most"] in COMPARE[slots["more"]] and len({slots["a"], slots["b"], slots["c"]}) == 3,
    follow_ups=(AND_WHO,),
)

# -- the odd one out ---------------------------------------------------------------------------------------------------


def draw_odd_one(rng: Random) -> Slots:
    kind, other = rng.sample(list(KINDS), 2)
    words = rng.sample(KINDS[kind][1], 3)
    words.insert(rng.randint(0, 3), rng.choice(KINDS[other][1]))
    return {"words": ", ".join(words)}


def odd_one(slots: Slots) -> str | None:
    """The word whose kind no other word shares; None unless the other three share theirs."""
    words = slots["words"].lower().split(", ")
    kinds = [KIND_OF.get(word) for word in words]
    single = [word for word, kind in zip(words, kinds, strict=True) if kind and kinds.count(kind) == 1]
    return single[0] if len(words) == 4 and len(single) == 1 and None not in kinds else None


def reply_odd_one(slots: Slots, _: Random) -> str:
    words = slots["words"].lower().split(", ")
    steps = [f"{word} is {KINDS[KIND_OF[word]][0]}" for word in words]
    return f"Let us look at each word: {', '.join(steps)}. So the odd one out is {odd_one(slots)}."


ODD_ONE = Family(
    name="odd_one",
    category="Reasoning",
    form=Form(
        (
            "Which word does not belong: {words}?",
            "Find the odd one out: {words}.",
            "Which of these is different from the others? {words}",
            "One of these words does not fit: {words}. Which one?",
            "What is the odd one out in this list: {words}?",
            "Pick the word that does not match the others: {words}.",
        ),
        {"words": Slot("[a-z, ]+")},
    ),
    draw=draw_odd_one,
    reply=reply_odd_one,
    sensible=lambda slots: odd_one(slots) is not None,
)

# -- sequences ---------------------------------------------------------------------------------------------------------


def draw_sequence(rng: Random) -> Slots:
    start, step = rng.randint(1, 40), rng.randint(2, 10)
    return {"numbers": ", ".join(str(start + step * i) for i in range(4))}


def numbers(slots: Slots) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", slots["numbers"])]


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


AFTER_THAT = FollowUp(
    form=Form(("And the number after that?", "What comes after that?", "And the next one?")),
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
        ),
        {"numbers": Slot(r"\d[\d, ]*\d")},
    ),
    draw=draw_sequence,
    reply=reply_sequence,
    sensible=grows_evenly,
    follow_ups=(AFTER_THAT,),
)

FAMILIES = (STORY_SUM, WEEKDAY, ORDER, ODD_ONE, SEQUENCE)
