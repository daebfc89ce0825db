"""Math of everyday life: the size of a room, rounding. All worked in steps."""

from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, exactly, one_of
from fledgling.slots import NUMBER, between, number
from fledgling.steps import add_steps, multiply_steps

# -- the size of a room ------------------------------------------------------------------------------------------------

SHAPES = (
    "garden", "room", "field", "terrace", "pool", "hall", "stage", "yard", "classroom", "stable", "barn", "lawn",
    "playground", "workshop", "market", "gym",
)  # fmt: skip
SIZES = ("area", "perimeter")


def reply_rectangle(slots: Slots, size: str) -> str:
    w, h, thing = number(slots, "w"), number(slots, "h"), slots["thing"]
    if size == "area":
        return f"The area is length times width: {multiply_steps(w, h)}. So the {thing} has {w * h} square meters."
    around = f"length plus width, taken twice: {add_steps(w, h)}, and 2 * {w + h} = {2 * (w + h)}"
    return f"The perimeter is {around}. So it is {2 * (w + h)} meters around the {thing}."


def area_is_harder(slots: Slots) -> Difficulty:
    return "hard" if slots["size"] == "area" and number(slots, "w") > 9 else "medium"


AND_SIZE = FollowUp(
    form=Form(
        (
            "And the {size}?",
            "And what is its {size}?",
            "Now the {size}.",
            "Can you work out the {size} too?",
            "And how large is the {size}?",
        ),
        {"size": exactly(SIZES)},
    ),
    draw=lambda first, _: {"size": SIZES[1 - SIZES.index(first["size"])]},
    reply=lambda first, own: reply_rectangle(first, own["size"]),
)

RECTANGLE = Family(
    name="rectangle",
    category="Math",
    form=Form(
        (
            "A {thing} is {w} meters long and {h} meters wide. What is its {size}?",
            "What is the {size} of a {thing} that is {w} meters long and {h} meters wide?",
            "Find the {size} of a {thing} of {w} by {h} meters.",
            "My {thing} is {w} meters by {h} meters. What is the {size}?",
            "How do I work out the {size} of a {thing} with sides of {w} and {h} meters?",
            "I measured our {thing}: {w} meters long, {h} meters wide. I need the {size}.",
            "Calculate the {size} of a {thing} that measures {w} by {h} meters.",
            "We have a {thing} with a length of {w} meters and a width of {h} meters. How large is the {size}?",
            "Our new {thing} is {w} by {h} meters. Can you tell me the {size}?",
            "Please give me the {size} of this {thing}: length {w} meters, width {h} meters.",
            "The plan shows a {thing} of {w} by {h} meters. What {size} does it have?",
            "If a {thing} is {w} meters long and {h} meters wide, what is the {size}?",
            "I am drawing a {thing}, {w} meters by {h} meters. What should I write for the {size}?",
            "For my new {thing}, which is {w} meters long and {h} meters wide, I want to know the {size}.",
            "Tell me the {size} of the {thing}. It is {w} meters long and {h} meters wide.",
            "Picture a {thing} {w} meters long and {h} meters wide. Show me how to get the {size}.",
        ),
        {"thing": one_of(SHAPES, "[a-z]+"), "w": NUMBER, "h": NUMBER, "size": exactly(SIZES)},
    ),
    draw=lambda rng: {
        "thing": rng.choice(SHAPES), "w": str(rng.randint(3, 20)), "h": str(rng.randint(2, 9)),
        "size": rng.choice(SIZES),
    },
    reply=lambda slots, _: reply_rectangle(slots, slots["size"]),
    sensible=lambda slots: between(slots, 1, 99, "w", "h"),
    follow_ups=(AND_SIZE,),
    intent="to know the area or the perimeter of a rectangle",
    knowledge="knowing the area and perimeter of rectangles",
    difficulty=area_is_harder,
    weight=1.1,
)  # fmt: skip

# -- rounding ----------------------------------------------------------------------------------------------------------

PLACES = {"ten": 10, "hundred": 100}


def reply_round(slots: Slots, place: str) -> str:
    n, size = number(slots, "n"), PLACES[place]
    rest = n % size
    low, high, half = n - rest, n - rest + size, size // 2
    if not rest:
        return f"{n} is already a round number: it stays {n}."
    where = f"{n} lies between {low} and {high}."
    if rest >= half:
        return f"{where} The part above {low} is {rest}, and that is at least {half}, so we round up to {high}."
    return f"{where} The part above {low} is {rest}, and that is less than {half}, so we round down to {low}."


def by_place(slots: Slots) -> Difficulty:
    return "easy" if slots["place"] == "ten" else "medium"


AND_PLACE = FollowUp(
    form=Form(
        (
            "And to the nearest {place}?",
            "And the nearest {place}?",
            "What about the nearest {place}?",
            "Now round it to the nearest {place}.",
            "Can you do the nearest {place} as well?",
        ),
        {"place": exactly(list(PLACES))},
    ),
    draw=lambda first, _: {"place": "hundred" if first["place"] == "ten" else "ten"},
    reply=lambda first, own: reply_round(first, own["place"]),
)

ROUND = Family(
    name="round",
    category="Math",
    form=Form(
        (
            "Round {n} to the nearest {place}.",
            "What is {n} rounded to the nearest {place}?",
            "Can you round {n} to the nearest {place} for me?",
            "How do I round {n} to the nearest {place}?",
            "I have to round {n} to the nearest {place}. What is the result?",
            "Please round {n} to the nearest {place} and explain it.",
            "Which number do I get if I round {n} to the nearest {place}?",
            "To the nearest {place}, what is {n}?",
            "We counted {n} visitors. What is that to the nearest {place}?",
            "The bill says {n} dollars. Round it to the nearest {place}.",
            "My book has {n} pages. How many is that, rounded to the nearest {place}?",
            "The report should give {n} to the nearest {place}. What do I write?",
            "For a headline I want {n} rounded to the nearest {place}.",
            "Tell me what {n} becomes when it is rounded to the nearest {place}.",
            "Give {n} to the nearest {place}.",
            "Is {n} rounded up or down to the nearest {place}?",
        ),
        {"n": NUMBER, "place": exactly(list(PLACES))},
    ),
    draw=lambda rng: {"n": str(rng.randint(101, 999)), "place": rng.choice(list(PLACES))},
    reply=lambda slots, _: reply_round(slots, slots["place"]),
    sensible=lambda slots: between(slots, 1, 9999, "n"),
    follow_ups=(AND_PLACE,),
    intent="to round a number",
    knowledge="rounding numbers",
    difficulty=by_place,
    weight=0.9,
)

FAMILIES = (RECTANGLE, ROUND)
