"""Data analysis of lists of numbers: their sum, the average of two."""

from random import Random

from fledgling.family import Difficulty, Family, FollowUp, Form, Slots
from fledgling.slots import NUMBER, NUMBERS, PERSON, THINGS, between, named, number, numbers
from fledgling.steps import add_steps
from fledgling.words import NAMES

# -- the sum of a list -------------------------------------------------------------------------------------------------


def draw_total(rng: Random) -> Slots:
    return {"numbers": ", ".join(str(rng.randint(1, 40)) for _ in range(rng.randint(3, 4)))}


def add_one_by_one(slots: Slots) -> list[str]:
    total, *rest = numbers(slots)
    steps = []
    for value in rest:
        steps.append(f"{total} + {value} = {total + value}.")
        total += value
    return steps


def reply_total(slots: Slots, _: Random) -> str:
    return " ".join([*add_one_by_one(slots), f"The total is {sum(numbers(slots))}."])


def by_count(slots: Slots) -> Difficulty:
    return "medium" if len(numbers(slots)) < 4 else "hard"


ONE_MORE = FollowUp(
    form=Form(
        (
            "I forgot {n}. What is the total now?",
            "Now add {n} as well.",
            "And with {n} more?",
            "There is one more: {n}. And now?",
            "Please add another {n} to the total.",
        ),
        {"n": NUMBER},
    ),
    draw=lambda _, rng: {"n": str(rng.randint(2, 9))},
    reply=lambda first, own: (
        f"{add_steps(sum(numbers(first)), number(own, 'n'))}. "
        f"The new total is {sum(numbers(first)) + number(own, 'n')}."
    ),
)

TOTAL = Family(
    name="total",
    category="Data analysis",
    form=Form(
        (
            "What is the total of {numbers}?",
            "Add up these values: {numbers}.",
            "Find the sum of the numbers {numbers}.",
            "My expenses this week were {numbers} dollars. How much is that in total?",
            "Sum up this data: {numbers}.",
            "I measured {numbers}. What do these values add up to?",
            "Our team scored {numbers} points. How many points is that together?",
            "I ran {numbers} minutes this week. How many minutes is that in all?",
            "Please add {numbers}.",
            "The bill lists {numbers}. What is the sum?",
            "We picked {numbers} apples from our trees. How many apples did we pick in total?",
            "How much do I get if I add {numbers}?",
            "The column in my sheet reads {numbers}. I need the total.",
            "Can you sum {numbers} for my report?",
            "Our shop sold {numbers} cups of tea per day. What is the total?",
            "Here is a short list: {numbers}. Add everything up.",
        ),
        {"numbers": NUMBERS},
    ),
    draw=draw_total,
    reply=reply_total,
    sensible=lambda slots: 2 < len(numbers(slots)) < 7,
    follow_ups=(ONE_MORE,),
    intent="to know the sum of a list of numbers",
    knowledge="adding several numbers",
    difficulty=by_count,
    weight=1.1,
)

# -- the average of two ------------------------------------------------------------------------------------------------

UNITS = (
    "points", "pages", "minutes", "miles", "dollars", "hours", "pounds", "questions", "goals", "steps", "laps",
    "letters",
)  # fmt: skip


def draw_average(rng: Random) -> Slots:
    a, b = rng.sample(NAMES, 2)
    x, y = rng.randint(2, 60), rng.randint(2, 60)
    return {"a": a, "b": b, "x": str(x), "y": str(y), "unit": rng.choice(UNITS)}


def half(n: int) -> str:
    return f"{n // 2}.5" if n % 2 else str(n // 2)


def reply_average(slots: Slots) -> str:
    x, y = number(slots, "x"), number(slots, "y")
    return (
        f"First add both numbers: {add_steps(x, y)}. Then take half of {x + y}, which is {half(x + y)}. "
        f"The average is {half(x + y)} {slots['unit']}."
    )


def odd_sum_is_harder(slots: Slots) -> Difficulty:
    return "hard" if (number(slots, "x") + number(slots, "y")) % 2 else "medium"


AVERAGE = Family(
    name="average",
    category="Data analysis",
    form=Form(
        (
            "{a} has {x} {unit} and {b} has {y}. What is the average?",
            "What is the average if {a} has {x} {unit} and {b} has {y}?",
            "{a}: {x} {unit}, {b}: {y} {unit}. Find the average.",
            "My data has two entries: {a} with {x} {unit} and {b} with {y}. What is their average?",
            "Find the average number of {unit}. {a} has {x}, and {b} has {y}.",
            "I asked two people. {a} said {x} {unit}, and {b} said {y}. How many is that on average?",
            "On average, how many {unit} do they have? It is {x} for {a} and {y} for {b}.",
            "In my table {a} stands at {x} {unit} and {b} at {y}. Please work out the average.",
            "Take {a} with {x} {unit} and {b} with {y}. How large is the average?",
            "We want to share evenly: {a} has {x} {unit}, {b} has {y}. How many are that on average?",
            "The log shows {x} {unit} for {a} and {y} for {b}. What average is that?",
            "Calculate the mean number of {unit}: {x} for {a} and {y} for {b}.",
            "Yesterday {a} wrote down {x} {unit}. Today {b} wrote down {y}. What is the average?",
            "For a report I need the average of {x} {unit} from {a} and {y} from {b}.",
            "If {a} gets {x} {unit} and {b} gets {y}, what do they get on average?",
            "Two results came in, {x} {unit} for {a} and {y} for {b}. Tell me the average.",
        ),
        {"a": PERSON, "b": PERSON, "x": NUMBER, "y": NUMBER, "unit": THINGS},
    ),
    draw=draw_average,
    reply=lambda slots, _: reply_average(slots),
    sensible=lambda slots: named(slots, "a", "b") and between(slots, 1, 999, "x", "y"),
    intent="to know the average of two numbers",
    knowledge="knowing what an average is",
    difficulty=odd_sum_is_harder,
    weight=1.2,
)

FAMILIES = (TOTAL, AVERAGE)
