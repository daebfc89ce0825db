"""Planning with numbers: three tasks hour by hour, and a budget in three parts."""

from random import Random

from fledgling.families.planning_words import TASKS
from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, one_of
from fledgling.slots import NUMBER, between, number, yours
from fledgling.steps import subtract_steps
from fledgling.words import sentence

# -- three tasks, hour by hour -----------------------------------------------------------------------------------------

TASK = one_of(TASKS)


def clock(hour: int) -> str:
    return f"{(hour - 1) % 12 + 1}:00"


def reply_schedule(slots: Slots, start: int) -> str:
    lines = [f"{clock(start + i)} {sentence(yours(slots[key]))}" for i, key in enumerate("abc")]
    return "\n".join(["Here is your schedule:", *lines, f"At {clock(start + 3)} you are done."])


def draw_schedule(rng: Random) -> Slots:
    a, b, c = rng.sample(TASKS, 3)
    return {"a": a, "b": b, "c": c, "hour": str(rng.randint(1, 12))}


def past_noon_is_harder(slots: Slots) -> Difficulty:
    return "medium" if number(slots, "hour") > 9 else "easy"


WHEN_TO = FollowUp(
    form=Form(
        (
            "When do I {task}?",
            "At what time should I {task}?",
            "And when was I going to {task}?",
            "So when is it time to {task}?",
            "Say again, when do I {task}?",
        ),
        {"task": TASK},
    ),
    draw=lambda first, rng: {"task": first[rng.choice("abc")]},
    reply=lambda first, own: (
        f"You {yours(own['task'])} at "
        f"{clock(number(first, 'hour') + [first['a'], first['b'], first['c']].index(own['task']))}."
    ),
)
START_LATER = FollowUp(
    form=Form(
        (
            "What if I start at {hour} o'clock?",
            "And if I begin at {hour}?",
            "I got up late. Start at {hour}.",
            "Can you move the start to {hour} o'clock?",
            "Make it {hour} o'clock instead.",
        ),
        {"hour": NUMBER},
    ),
    draw=lambda first, rng: {"hour": rng.choice([str(n) for n in range(1, 13) if str(n) != first["hour"]])},
    reply=lambda first, own: reply_schedule(first, number(own, "hour")),
)

SCHEDULE = Family(
    name="schedule",
    category="Planning",
    form=Form(
        (
            "I have to {a}, {b} and {c}. Make a schedule that starts at {hour} o'clock, one hour each.",
            "Make a schedule from {hour} o'clock: {a}, {b} and {c}, an hour for each.",
            "Starting at {hour} o'clock I want to {a}, {b} and {c}. Each takes an hour. Plan it for me.",
            "Plan my day. I begin at {hour} o'clock and must {a}, {b} and {c}, an hour each.",
            "Today I need to {a}, {b} and {c}. I have time from {hour} o'clock. Can you plan an hour for each?",
            "First {a}, then {b}, then {c}, one hour each. When is what if I start at {hour} o'clock?",
            "Please write a timetable. From {hour} o'clock I {a}, {b} and {c}, always for an hour.",
            "It is {hour} o'clock and I still have to {a}, {b} and {c}. Give me a plan with one hour for each.",
            "Help me get through this: {a}, {b} and {c}. I start at {hour} o'clock and each thing takes an hour.",
            "My list for today is {a}, {b} and {c}. Turn it into a schedule from {hour} o'clock, by the hour.",
            "How should I arrange three hours from {hour} o'clock if I have to {a}, {b} and {c}?",
            "I am free from {hour} o'clock and would like to {a}, {b} and {c}. Put each into one hour.",
            "Could you set up my day? I want to {a}, {b} and {c} from {hour} o'clock on, an hour each.",
            "Give every task one hour, from {hour} o'clock: {a}, {b} and {c}.",
            "We start at {hour} o'clock, and I should {a}, {b} and {c}. What is the order of the hours?",
            "I promised to {a}, {b} and {c}. If each takes an hour and I start at {hour} o'clock, what is my schedule?",
        ),
        {"a": TASK, "b": TASK, "c": TASK, "hour": NUMBER},
    ),
    draw=draw_schedule,
    reply=lambda slots, _: reply_schedule(slots, number(slots, "hour")),
    sensible=lambda slots: between(slots, 1, 12, "hour") and len({slots["a"], slots["b"], slots["c"]}) == 3,
    follow_ups=(WHEN_TO, START_LATER),
    intent="to arrange three tasks hour by hour",
    knowledge="keeping an order and counting hours",
    difficulty=past_noon_is_harder,
)

# -- a budget in three parts -------------------------------------------------------------------------------------------

# occasion -> what half, three tenths and a fifth of the money go to
PARTIES = {
    "a birthday party": ("food", "drinks", "decorations"),
    "an anniversary": ("the dinner", "the music", "the flowers"),
    "a class trip": ("the bus", "the tickets", "snacks"),
    "a picnic": ("food", "drinks", "games"),
    "a garden party": ("food", "drinks", "lights"),
    "a weekend in the city": ("the hotel", "meals", "museums"),
    "a camping trip": ("the tent", "food", "gas"),
    "a school fair": ("prizes", "snacks", "posters"),
    "a family reunion": ("the room", "food", "photos"),
    "a film night": ("the screen", "snacks", "films"),
    "a new garden": ("plants", "soil", "tools"),
    "my first apartment": ("furniture", "dishes", "lamps"),
    "a street festival": ("the stage", "the music", "cleaning up"),
    "a bike tour": ("the rooms", "meals", "repairs"),
    "a charity run": ("water", "medals", "posters"),
    "a small concert": ("the band", "the hall", "tickets"),
    "a baking contest": ("ingredients", "prizes", "aprons"),
    "a farewell party": ("a present", "cake", "balloons"),
    "a book club": ("books", "tea", "cookies"),
    "a painting course": ("paint", "paper", "brushes"),
}


def reply_budget(slots: Slots) -> str:
    n = number(slots, "n")
    first, second, third = PARTIES[slots["party"]]
    tenth = n // 10
    return (
        f"Here is a budget of {n} dollars for {yours(slots['party'])}:\n"
        f"- 50% for {first}: 5 * {tenth} = {5 * tenth} dollars\n- 30% for {second}: 3 * {tenth} = {3 * tenth} dollars\n"
        f"- 20% for {third}: 2 * {tenth} = {2 * tenth} dollars"
    )


def by_amount(slots: Slots) -> Difficulty:
    return "easy" if number(slots, "n") % 100 == 0 else "medium"


ALREADY_SPENT = FollowUp(
    form=Form(
        (
            "I already spent {n} dollars. How much is left?",
            "And if {n} dollars are gone already?",
            "We paid {n} dollars so far. What is left of the money?",
            "Take away {n} dollars that we spent. What remains in all?",
            "I lost {n} dollars of it. What do I have now?",
        ),
        {"n": NUMBER},
    ),
    draw=lambda first, rng: {"n": str(rng.randint(1, number(first, "n") // 10 - 1) * 10)},
    reply=lambda first, own: (
        f"{subtract_steps(number(first, 'n'), number(own, 'n'))}. "
        f"So {number(first, 'n') - number(own, 'n')} dollars are left."
    ),
)

BUDGET = Family(
    name="budget",
    category="Planning",
    form=Form(
        (
            "I have {n} dollars for {party}. Can you make a budget?",
            "Make a budget of {n} dollars for {party}.",
            "How should I divide {n} dollars for {party}?",
            "Plan the money for {party}. There are {n} dollars.",
            "We can spend {n} dollars on {party}. What should we spend it on?",
            "Please write a simple budget for {party} with {n} dollars.",
            "I saved {n} dollars for {party}. How do I spend them wisely?",
            "Help me plan {party} with {n} dollars.",
            "What is a good way to split {n} dollars for {party}?",
            "Our budget for {party} is {n} dollars. Suggest how to use it.",
            "With {n} dollars in the box, how would you pay for {party}?",
            "They gave me {n} dollars to organize {party}. How do I divide the money?",
            "I am in charge of {party} and have {n} dollars. Where should the money go?",
            "Is there a sensible budget for {party}? We have {n} dollars.",
            "For {party} I can use {n} dollars. Show me a plan for the money.",
            "Let us plan {party}. The limit is {n} dollars. Who gets what?",
        ),
        {"n": NUMBER, "party": one_of(list(PARTIES))},
    ),
    draw=lambda rng: {"n": str(rng.randint(10, 99) * 10), "party": rng.choice(list(PARTIES))},
    reply=lambda slots, _: reply_budget(slots),
    sensible=lambda slots: number(slots, "n") % 10 == 0 and between(slots, 50, 5000, "n"),
    follow_ups=(ALREADY_SPENT,),
    intent="to divide a sum of money for an occasion",
    knowledge="budgets and percentages",
    difficulty=by_amount,
)

FAMILIES = (SCHEDULE, BUDGET)
