"""Math: sums and differences, products, percentages, units. All of it is worked in steps."""

from random import Random

from fledgling.family import NUMBER, Family, FollowUp, Form, Slots, one_of
from fledgling.steps import add_steps, multiply_steps, subtract_steps

# -- sums and differences ----------------------------------------------------------------------------------------------

SIGNS = {"+": "+", "plus": "+", "-": "-", "minus": "-"}


def draw_arithmetic(rng: Random) -> Slots:
    sign = rng.choice(["+", "+", "plus", "-", "-", "minus"])
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    if SIGNS[sign] == "-":
        a, b = max(a, b), min(a, b)
    return {"a": str(a), "sign": sign, "b": str(b)}


def result_of(slots: Slots) -> int:
    a, b = int(slots["a"]), int(slots["b"])
    return a + b if SIGNS[slots["sign"]] == "+" else a - b


def steps_of(slots: Slots) -> str:
    a, b = int(slots["a"]), int(slots["b"])
    return add_steps(a, b) if SIGNS[slots["sign"]] == "+" else subtract_steps(a, b)


OPENINGS = ("Let us do it in steps", "Step by step", "Sure")


def reply_arithmetic(slots: Slots, rng: Random) -> str:
    return f"{rng.choice(OPENINGS)}: {steps_of(slots)}. The answer is {result_of(slots)}."


def check_arithmetic(slots: Slots, reply: str) -> bool:
    opening, _, rest = reply.partition(": ")
    return opening in OPENINGS and rest == f"{steps_of(slots)}. The answer is {result_of(slots)}."


ADD_TO_THAT = FollowUp(
    form=Form(
        ("Now add {n} to that.", "And if I add {n}?", "What if you add {n} more?", "Now add {n}."), {"n": NUMBER}
    ),
    draw=lambda _, rng: {"n": str(rng.randint(2, 9))},
    reply=lambda first, own: (
        f"{add_steps(result_of(first), int(own['n']))}. The new answer is {result_of(first) + int(own['n'])}."
    ),
)

ARITHMETIC = Family(
    name="arithmetic",
    category="Math",
    form=Form(
        (
            "What is {a} {sign} {b}?",
            "Calculate {a} {sign} {b}.",
            "How much is {a} {sign} {b}?",
            "Compute {a} {sign} {b} for me.",
            "Can you tell me what {a} {sign} {b} is?",
            "Solve {a} {sign} {b} step by step.",
            "I need to know {a} {sign} {b}.",
            "Show me how to work out {a} {sign} {b}.",
            "Help me with this: {a} {sign} {b}",
            "Please solve {a} {sign} {b}.",
        ),
        {"a": NUMBER, "sign": one_of(list(SIGNS), r"\+|-|plus|minus"), "b": NUMBER},
    ),
    draw=draw_arithmetic,
    reply=reply_arithmetic,
    check=check_arithmetic,
    sensible=lambda slots: result_of(slots) >= 0,
    follow_ups=(ADD_TO_THAT,),
    weight=1.3,
)

# -- products ----------------------------------------------------------------------------------------------------------


def draw_product(rng: Random) -> Slots:
    return {"a": str(rng.randint(3, 49)), "b": str(rng.randint(2, 9))}


def product_of(slots: Slots) -> int:
    return int(slots["a"]) * int(slots["b"])


def reply_product(slots: Slots, _: Random) -> str:
    return f"{multiply_steps(int(slots['a']), int(slots['b']))}. So the product is {product_of(slots)}."


MULTIPLY = Family(
    name="multiply",
    category="Math",
    form=Form(
        (
            "What is {a} times {b}?",
            "Multiply {a} by {b}.",
            "What is {a} * {b}?",
            "Calculate {a} times {b}.",
            "How much is {a} multiplied by {b}?",
            "Find the product of {a} and {b}.",
            "Can you multiply {a} by {b} and show the steps?",
            "Work out {a} * {b} for me.",
        ),
        {"a": NUMBER, "b": NUMBER},
    ),
    draw=draw_product,
    reply=reply_product,
)

# -- percentages -------------------------------------------------------------------------------------------------------


def draw_percent(rng: Random) -> Slots:
    return {"p": str(rng.randint(1, 9) * 10), "n": str(rng.randint(2, 50) * 10)}


def part_of(slots: Slots) -> int:
    return int(slots["p"]) * int(slots["n"]) // 100


def reply_percent(slots: Slots, _: Random) -> str:
    tenth, times = int(slots["n"]) // 10, int(slots["p"]) // 10
    first = f"10% of {slots['n']} is {tenth}."
    if times == 1:
        return f"{first} So the answer is {tenth}."
    steps = multiply_steps(tenth, times)
    return f"{first} {slots['p']}% is {times} times as much: {steps}. So the answer is {part_of(slots)}."


PERCENT = Family(
    name="percent",
    category="Math",
    form=Form(
        (
            "What is {p}% of {n}?",
            "Calculate {p}% of {n}.",
            "How much is {p} percent of {n}?",
            "Find {p}% of {n}.",
            "What is {p} percent of {n}?",
            "I want to know {p}% of {n}. Can you help?",
            "If a price of {n} dollars goes down by {p}%, how many dollars do I save?",
            "How do I work out {p}% of {n}?",
        ),
        {"p": NUMBER, "n": NUMBER},
    ),
    draw=draw_percent,
    reply=reply_percent,
    sensible=lambda slots: int(slots["p"]) % 10 == 0 and int(slots["n"]) % 10 == 0,
)

# -- units -------------------------------------------------------------------------------------------------------------

# (large unit, one of it, small unit) -> how many small ones make a large one
UNITS = {
    ("hours", "hour", "minutes"): 60,
    ("minutes", "minute", "seconds"): 60,
    ("days", "day", "hours"): 24,
    ("weeks", "week", "days"): 7,
    ("years", "year", "months"): 12,
    ("feet", "foot", "inches"): 12,
    ("yards", "yard", "feet"): 3,
    ("gallons", "gallon", "quarts"): 4,
    ("meters", "meter", "centimeters"): 100,
    ("centimeters", "centimeter", "millimeters"): 10,
    ("kilometers", "kilometer", "meters"): 1000,
    ("kilograms", "kilogram", "grams"): 1000,
    ("liters", "liter", "milliliters"): 1000,
    ("dollars", "dollar", "cents"): 100,
}
FACTOR = {(large, small): factor for (large, _, small), factor in UNITS.items()}
ONE = {large: one for large, one, _ in UNITS}


def draw_units(rng: Random) -> Slots:
    large, small = rng.choice(list(FACTOR))
    return {"n": str(rng.randint(2, 20 if FACTOR[large, small] in (60, 24, 12) else 40)), "from": large, "to": small}


def converted(slots: Slots) -> int:
    return int(slots["n"]) * FACTOR[slots["from"], slots["to"]]


def conversion(slots: Slots) -> str:
    factor = FACTOR[slots["from"], slots["to"]]
    n = int(slots["n"])
    steps = f"{n} * {factor} = {n * factor}" if factor in (10, 100, 1000) or n < 10 else multiply_steps(n, factor)
    return f"{steps}. That makes {n * factor} {slots['to']}."


def reply_units(slots: Slots, _: Random) -> str:
    factor = FACTOR[slots["from"], slots["to"]]
    return f"One {ONE[slots['from']]} is {factor} {slots['to']}, so I multiply: {conversion(slots)}"


HOW_ABOUT = FollowUp(
    form=Form(
        ("And {n} {from}?", "How about {n} {from}?", "And what about {n} {from}?"),
        {"n": NUMBER, "from": one_of(list(ONE))},
    ),
    draw=lambda first, rng: {"n": str(rng.randint(2, 20)), "from": first["from"]},
    reply=lambda first, own: conversion({"n": own["n"], "from": own["from"], "to": first["to"]}),
)


CONVERT = Family(
    name="units",
    category="Math",
    form=Form(
        (
            "Convert {n} {from} to {to}.",
            "How many {to} are in {n} {from}?",
            "What is {n} {from} in {to}?",
            "I have {n} {from}. How many {to} is that?",
            "How many {to} do {n} {from} make?",
            "Please turn {n} {from} into {to}.",
            "Can you convert {n} {from} into {to} for me?",
            "Express {n} {from} in {to}.",
        ),
        {"n": NUMBER, "from": one_of(list(ONE), "[a-z]+"), "to": one_of([s for _, _, s in UNITS], "[a-z]+")},
    ),
    draw=draw_units,
    reply=reply_units,
    sensible=lambda slots: (slots["from"], slots["to"]) in FACTOR,
    follow_ups=(HOW_ABOUT,),
)

FAMILIES = (ARITHMETIC, MULTIPLY, PERCENT, CONVERT)
