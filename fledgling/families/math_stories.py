"""Math of everyday life: sharing with a rest, paying and change, the size of a room, rounding. All worked in steps."""

from random import Random

from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, exactly, one_of
from fledgling.slots import NUMBER, PERSON, THINGS, between, named, number
from fledgling.steps import add_steps, multiply_steps, subtract_steps
from fledgling.words import ITEMS, NAMES

# -- sharing with a rest -----------------------------------------------------------------------------------------------

GROUPS = (
    "children", "friends", "students", "boxes", "bags", "teams", "tables", "guests", "baskets", "neighbors", "shelves",
    "jars", "cousins", "players",
)  # fmt: skip


def draw_divide(rng: Random) -> Slots:
    k, each = rng.randint(2, 9), rng.randint(2, 10)
    n = k * each + rng.randrange(k)
    return {"n": str(n), "k": str(k), "items": rng.choice(ITEMS), "group": rng.choice(GROUPS)}


def reply_divide(slots: Slots) -> str:
    n, k, items, group = number(slots, "n"), number(slots, "k"), slots["items"], slots["group"]
    each, rest = divmod(n, k)
    first, share = f"{k} * {each} = {k * each}", f"So each of the {k} {group} gets {each}"
    if not rest:
        return f"{first}, which is all of the {items}. {share}, and nothing is left."
    return f"{first}, and {n} - {k * each} = {rest}. {share}, and {rest} {'is' if rest == 1 else 'are'} left."


def a_rest_is_harder(slots: Slots) -> Difficulty:
    return "medium" if number(slots, "n") % number(slots, "k") else "easy"


DIVIDE = Family(
    name="divide",
    category="Math",
    form=Form(
        (
            "Divide {n} {items} among {k} {group}. How many does each get, and how many are left?",
            "I have {n} {items} for {k} {group}. How many is that for each?",
            "How do I share {n} {items} fairly among {k} {group}?",
            "We want to put {n} {items} into equal parts for {k} {group}. What is left over?",
            "If {k} {group} share {n} {items}, how many are there for each?",
            "There are {n} {items} and {k} {group}. How many {items} does each of them get?",
            "Share {n} {items} equally among {k} {group} and tell me the rest.",
            "My teacher wants {n} {items} split over {k} {group}. How does it come out?",
            "Can {n} {items} be shared evenly among {k} {group}?",
            "Please split {n} {items} between {k} {group}.",
            "Yesterday I bought {n} {items} for {k} {group}. How many can I give to each?",
            "Work out how many of {n} {items} go to each of {k} {group}.",
            "With {k} {group} and {n} {items}, what is a fair share?",
            "Each of {k} {group} should get the same number of {items}. I have {n}. How many is that?",
            "How many {items} are there for each if {n} of them go to {k} {group}?",
            "Tell me how to divide {n} {items} equally for {k} {group}.",
        ),
        {"n": NUMBER, "k": NUMBER, "items": THINGS, "group": one_of(GROUPS, "[a-z]+")},
    ),
    draw=draw_divide,
    reply=lambda slots, _: reply_divide(slots),
    sensible=lambda slots: (
        between(slots, 2, 12, "k") and between(slots, 1, 120, "n") and number(slots, "k") <= number(slots, "n")
    ),
    intent="to share a number of things evenly",
    knowledge="division with a remainder",
    difficulty=a_rest_is_harder,
    weight=1.2,
)

# -- paying and change -------------------------------------------------------------------------------------------------

# goods that cost a few whole dollars apiece
GOODS = (
    "books", "hats", "cups", "pens", "plates", "tickets", "candles", "plants", "cakes", "scarves", "lamps", "games",
    "puzzles", "posters", "baskets", "brushes", "melons", "pillows", "toys", "socks",
)  # fmt: skip
BILLS = (20, 50, 100)


def cost_of(slots: Slots) -> int:
    return number(slots, "k") * number(slots, "price")


def draw_purchase(rng: Random) -> Slots:
    k, price = rng.randint(2, 6), rng.randint(2, 19)
    enough = [bill for bill in BILLS if bill > k * price]
    bill = enough[0] if enough and rng.random() < 0.9 else rng.choice(BILLS)
    return {
        "name": rng.choice(NAMES), "k": str(k), "goods": rng.choice(GOODS), "price": str(price), "bill": str(bill),
    }  # fmt: skip


def reply_purchase(slots: Slots) -> str:
    cost, bill = cost_of(slots), number(slots, "bill")
    total = f"The {slots['goods']} cost {multiply_steps(number(slots, 'price'), number(slots, 'k'))} dollars."
    if cost == bill:
        return f"{total} That is exactly {bill}, so there is no change."
    if cost > bill:
        return f"{total} That is more than {bill}: {subtract_steps(cost, bill)}. So {cost - bill} dollars are missing."
    return f"{total} The change is {subtract_steps(bill, cost)}. So {slots['name']} gets {bill - cost} dollars back."


def by_bill(slots: Slots) -> Difficulty:
    return "hard" if cost_of(slots) > number(slots, "bill") or number(slots, "price") > 9 else "medium"


HOW_MUCH_ALONE = FollowUp(
    form=Form(
        (
            "And how much would {n} of them cost?",
            "What would {n} of them cost?",
            "How much is it for {n}?",
            "And the price of {n}?",
            "What if I take {n} of them, what do they cost?",
        ),
        {"n": NUMBER},
    ),
    draw=lambda _, rng: {"n": str(rng.randint(2, 9))},
    reply=lambda first, own: (
        f"{multiply_steps(number(first, 'price'), number(own, 'n'))}. "
        f"So {own['n']} {first['goods']} cost {number(first, 'price') * number(own, 'n')} dollars."
    ),
    anytime=True,
)

PURCHASE = Family(
    name="purchase",
    category="Math",
    form=Form(
        (
            "{name} buys {k} {goods} for {price} dollars each and pays with {bill} dollars. How much is the change?",
            "If {name} buys {k} {goods} at {price} dollars each and gives {bill} dollars, what comes back?",
            "The {goods} are {price} dollars each. {name} takes {k} and pays with {bill} dollars. What is the change?",
            "{name} has {bill} dollars and buys {k} {goods} for {price} dollars each. How much money is left?",
            "How much change does {name} get for {k} {goods} at {price} dollars each after paying {bill} dollars?",
            "At the market {name} buys {k} {goods} for {price} dollars each. From {bill} dollars, how much is left?",
            "I sent {name} to buy {k} {goods} with {bill} dollars. Each one costs {price} dollars. What is the change?",
            "One costs {price} dollars, and {name} wants {k} {goods}. What is left of {bill} dollars?",
            "My friend {name} wants {k} {goods} at {price} dollars apiece. Are {bill} dollars enough?",
            "Help {name} with the change: {k} {goods}, {price} dollars each, paid with {bill} dollars.",
            "Does {name} get anything back from {bill} dollars for {k} {goods} at {price} dollars each?",
            "{name} went shopping with {bill} dollars and bought {k} {goods} at {price} dollars each. What remains?",
            "In my shop {name} takes {k} {goods} that cost {price} dollars each and hands me {bill} dollars. "
            "What do I give back?",
            "Work out the change for {name}, who pays {bill} dollars for {k} {goods} at {price} dollars each.",
            "For {k} {goods} at {price} dollars each, {name} pays with {bill} dollars. How much change is that?",
            "With {bill} dollars in hand, {name} buys {k} {goods}. They are {price} dollars each. How much is left?",
        ),
        {"name": PERSON, "k": NUMBER, "goods": THINGS, "price": NUMBER, "bill": NUMBER},
    ),
    draw=draw_purchase,
    reply=lambda slots, _: reply_purchase(slots),
    sensible=lambda slots: (
        named(slots, "name") and between(slots, 2, 12, "k") and between(slots, 1, 99, "price")
        and between(slots, 5, 500, "bill")
    ),
    follow_ups=(HOW_MUCH_ALONE,),
    intent="to know the change from a purchase",
    knowledge="multiplying prices and subtracting",
    difficulty=by_bill,
    weight=1.2,
)  # fmt: skip

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

FAMILIES = (DIVIDE, PURCHASE, RECTANGLE, ROUND)
