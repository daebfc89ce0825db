"""Planning with numbers: a budget in three parts."""

from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, one_of
from fledgling.slots import NUMBER, between, number, yours
from fledgling.steps import subtract_steps

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

FAMILIES = (BUDGET,)
