"""Math of units: a number of large ones in small ones, by one multiplication. Knows ten pairs and their factors."""

from random import Random

from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, one_of
from fledgling.slots import NUMBER, between, number
from fledgling.steps import multiply_steps

# (large unit, one of it, small unit) -> how many small ones make a large one
UNITS = {
    ("hours", "hour", "minutes"): 60,
    ("minutes", "minute", "seconds"): 60,
    ("days", "day", "hours"): 24,
    ("weeks", "week", "days"): 7,
    ("years", "year", "months"): 12,
    ("feet", "foot", "inches"): 12,
    ("meters", "meter", "centimeters"): 100,
    ("kilometers", "kilometer", "meters"): 1000,
    ("kilograms", "kilogram", "grams"): 1000,
    ("dollars", "dollar", "cents"): 100,
}
FACTOR = {(large, small): factor for (large, _, small), factor in UNITS.items()}
ONE = {large: one for large, one, _ in UNITS}


def draw_units(rng: Random) -> Slots:
    large, small = rng.choice(list(FACTOR))
    factor = FACTOR[large, small]
    return {"n": str(rng.randint(2, 99 if factor > 60 else 40 if factor == 24 else 60)), "from": large, "to": small}


def conversion(slots: Slots) -> str:
    factor, n = FACTOR[slots["from"], slots["to"]], number(slots, "n")
    steps = f"{n} * {factor} = {n * factor}" if factor in (100, 1000) or n < 10 else multiply_steps(n, factor)
    return f"{steps}. That makes {n * factor} {slots['to']}."


def reply_units(slots: Slots, _: Random) -> str:
    factor = FACTOR[slots["from"], slots["to"]]
    return f"One {ONE[slots['from']]} is {factor} {slots['to']}, so I multiply: {conversion(slots)}"


def powers_of_ten_are_easy(slots: Slots) -> Difficulty:
    factor = FACTOR[slots["from"], slots["to"]]
    return "easy" if factor in (100, 1000) or factor == 7 else "medium" if number(slots, "n") < 10 else "hard"


HOW_ABOUT = FollowUp(
    form=Form(
        (
            "And {n} {from}?",
            "How about {n} {from}?",
            "And what about {n} {from}?",
            "Now do {n} {from}.",
            "What would it be for {n} {from}?",
        ),
        {"n": NUMBER, "from": one_of(list(ONE))},
    ),
    draw=lambda first, rng: {"n": str(rng.randint(2, 20)), "from": first["from"]},
    reply=lambda first, own: conversion({"n": own["n"], "from": own["from"], "to": first["to"]}),
    anytime=True,
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
            "I need {n} {from} in {to}.",
            "The label says {n} {from}, but my form asks for {to}. What do I write?",
            "How do I change {n} {from} into {to}?",
            "If something is {n} {from}, how many {to} is it?",
            "Write {n} {from} as {to}.",
            "My homework says {n} {from}. What is that in {to}?",
            "Tell me the number of {to} in {n} {from}.",
            "What do {n} {from} come to in {to}?",
            "Let us say I have {n} {from} left. How many {to} would that be?",
            "Help me convert {n} {from}. The answer should be in {to}.",
        ),
        {"n": NUMBER, "from": one_of(list(ONE), "[a-z]+"), "to": one_of([s for _, _, s in UNITS], "[a-z]+")},
    ),
    draw=draw_units,
    reply=reply_units,
    sensible=lambda slots: (slots["from"], slots["to"]) in FACTOR and between(slots, 2, 999, "n"),
    follow_ups=(HOW_ABOUT,),
    intent="to convert a number into a smaller unit",
    knowledge="knowing units of measurement and multiplying",
    difficulty=powers_of_ten_are_easy,
)

FAMILIES = (CONVERT,)
