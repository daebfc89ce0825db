"""Math: sums and differences, products, percentages, all worked in steps. Units and stories have their own files."""

from random import Random

from fledgling.families import math_stories, math_units
from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, one_of
from fledgling.slots import NUMBER, between, number
from fledgling.steps import add_steps, multiply_steps, subtract_steps

# -- sums and differences ----------------------------------------------------------------------------------------------

SIGNS = {"+": "+", "plus": "+", "-": "-", "minus": "-"}


def draw_arithmetic(rng: Random) -> Slots:
    sign = rng.choice(["+", "+", "plus", "-", "-", "minus"])
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    if SIGNS[sign] == "-":
        a, b = max(a, b), min(a, b)
    return {"a": str(a), "sign": sign, "b": str(b)}


def adds(slots: Slots) -> bool:
    return SIGNS[slots["sign"]] == "+"


def result_of(slots: Slots) -> int:
    a, b = number(slots, "a"), number(slots, "b")
    return a + b if adds(slots) else a - b


def steps_of(slots: Slots) -> str:
    a, b = number(slots, "a"), number(slots, "b")
    return add_steps(a, b) if adds(slots) else subtract_steps(a, b)


OPENINGS = ("Let us do it in steps", "Step by step", "Sure")


def reply_arithmetic(slots: Slots, rng: Random) -> str:
    return f"{rng.choice(OPENINGS)}: {steps_of(slots)}. The answer is {result_of(slots)}."


def check_arithmetic(slots: Slots, reply: str) -> bool:
    opening, _, rest = reply.partition(": ")
    return opening in OPENINGS and rest == f"{steps_of(slots)}. The answer is {result_of(slots)}."


def digits_and_carries(slots: Slots) -> Difficulty:
    a, b = number(slots, "a"), number(slots, "b")
    carries = a % 10 + b % 10 > 9 if adds(slots) else a % 10 < b % 10
    if max(a, b) < 10:
        return "very easy"
    if min(a, b) < 10:
        return "medium" if carries else "easy"
    return "hard" if carries else "medium"


ADD_TO_THAT = FollowUp(
    form=Form(
        (
            "Now add {n} to that.",
            "And if I add {n}?",
            "What if you add {n} more?",
            "Now add {n}.",
            "Good. Plus {n}?",
            "And what do I get with {n} on top?",
        ),
        {"n": NUMBER},
    ),
    draw=lambda _, rng: {"n": str(rng.randint(2, 9))},
    reply=lambda first, own: (
        f"{add_steps(result_of(first), number(own, 'n'))}. The new answer is {result_of(first) + number(own, 'n')}."
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
            "My calculator is broken. What is {a} {sign} {b}?",
            "My daughter wants to know what {a} {sign} {b} makes.",
            "What do I get for {a} {sign} {b}?",
            "{a} {sign} {b} is what?",
            "I keep getting {a} {sign} {b} wrong. How is it done?",
            "Let us practice. What is {a} {sign} {b}?",
        ),
        {"a": NUMBER, "sign": one_of(list(SIGNS), r"\+|-|plus|minus"), "b": NUMBER},
    ),
    draw=draw_arithmetic,
    reply=reply_arithmetic,
    check=check_arithmetic,
    sensible=lambda slots: result_of(slots) >= 0 and between(slots, 0, 999, "a", "b"),
    follow_ups=(ADD_TO_THAT,),
    weight=1.3,
    intent="to add or subtract two numbers",
    knowledge="adding and subtracting",
    difficulty=digits_and_carries,
)

# -- products ----------------------------------------------------------------------------------------------------------


def product_of(slots: Slots) -> int:
    return number(slots, "a") * number(slots, "b")


def size_of_factors(slots: Slots) -> Difficulty:
    a, b = number(slots, "a"), number(slots, "b")
    return "easy" if a < 13 else "medium" if b < 6 or a % 10 == 0 else "hard"


DOUBLE = FollowUp(
    form=Form(
        (
            "And twice as much?",
            "Now double the result.",
            "What is that times two?",
            "And if I double that?",
            "And two times that number?",
        )
    ),
    reply=lambda first, _: (
        f"{add_steps(product_of(first), product_of(first))}. Twice as much is {2 * product_of(first)}."
    ),
)

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
            "I cannot do {a} times {b} in my head. Can you?",
            "Show me how to multiply {a} by {b}.",
            "Please tell me the product of {a} and {b}.",
            "A row has {a} seats, and there are {b} rows. How many seats are there?",
            "One box holds {a} pens. How many pens are in {b} boxes?",
            "We walk {a} minutes a day. How many minutes is that in {b} days?",
            "My test asks for {a} times {b}. How do I do it?",
            "If one ticket costs {a} dollars, what do {b} tickets cost?",
            "There are {a} pages in each of my {b} notebooks. How many pages are that?",
        ),
        {"a": NUMBER, "b": NUMBER},
    ),
    draw=lambda rng: {"a": str(rng.randint(3, 99)), "b": str(rng.randint(2, 9))},
    reply=lambda slots, _: (
        f"{multiply_steps(number(slots, 'a'), number(slots, 'b'))}. So the product is {product_of(slots)}."
    ),
    sensible=lambda slots: between(slots, 1, 999, "a") and between(slots, 1, 99, "b"),
    follow_ups=(DOUBLE,),
    weight=1.2,
    intent="to multiply two numbers",
    knowledge="multiplication",
    difficulty=size_of_factors,
)

# -- percentages -------------------------------------------------------------------------------------------------------


def part_of(slots: Slots) -> int:
    return number(slots, "p") * number(slots, "n") // 100


def tenth_of(slots: Slots) -> str:
    return f"10% of {slots['n']} is {number(slots, 'n') // 10}."


def reply_percent(slots: Slots, _: Random) -> str:
    tenth, times = number(slots, "n") // 10, number(slots, "p") // 10
    if times == 1:
        return f"{tenth_of(slots)} So the answer is {tenth}."
    steps = multiply_steps(tenth, times)
    return f"{tenth_of(slots)} {slots['p']}% is {times} times as much: {steps}. So the answer is {part_of(slots)}."


def how_many_tenths(slots: Slots) -> Difficulty:
    if slots["p"] == "10":
        return "easy"
    return "medium" if number(slots, "n") <= 100 or number(slots, "n") % 100 == 0 else "hard"


AND_THE_REST = FollowUp(
    form=Form(
        (
            "And how much is left?",
            "How much is left if I take that away?",
            "And the rest?",
            "What remains after that?",
            "And what is the remaining part?",
        )
    ),
    reply=lambda first, _: (
        f"{subtract_steps(number(first, 'n'), part_of(first))}. So the rest is {number(first, 'n') - part_of(first)}."
    ),
)

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
            "A shop takes {p}% off a bike that costs {n} dollars. How much is taken off?",
            "In a town of {n} people, {p}% have a dog. How many people is that?",
            "Of {n} seats, {p}% are taken. How many seats is that?",
            "I earned {n} dollars and want to save {p}%. How much do I save?",
            "My phone holds {n} photos and {p}% of them are blurry. How many is that?",
            "We have read {p}% of a book with {n} pages. How many pages did we read?",
            "They said that {p}% of the {n} guests have arrived. How many guests are here?",
            "Please explain how to get {p}% of {n}.",
        ),
        {"p": NUMBER, "n": NUMBER},
    ),
    draw=lambda rng: {"p": str(rng.randint(1, 9) * 10), "n": str(rng.randint(2, 90) * 10)},
    reply=reply_percent,
    sensible=lambda slots: (
        number(slots, "p") % 10 == number(slots, "n") % 10 == 0
        and between(slots, 10, 100, "p")
        and between(slots, 10, 9990, "n")
    ),
    follow_ups=(AND_THE_REST,),
    weight=1.1,
    intent="to know a percentage of a number",
    knowledge="percentages and multiplication",
    difficulty=how_many_tenths,
)

FAMILIES = (ARITHMETIC, MULTIPLY, PERCENT, *math_units.FAMILIES, *math_stories.FAMILIES)
