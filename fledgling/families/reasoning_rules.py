"""Reasoning from a general statement to one person: what every, no and not every allow us to say."""

from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, exactly, one_of
from fledgling.slots import PERSON, named
from fledgling.words import NAMES, words

JOBS = words(
    "baker teacher doctor nurse farmer gardener lawyer painter singer dancer driver writer poet plumber carpenter "
    "waiter cook dentist pilot sailor tailor cashier librarian musician mechanic florist barber butcher potter reporter"
)
HABITS = (
    "plays chess", "likes tea", "rides a bike", "reads the news", "drinks coffee", "owns a cat", "speaks Spanish",
    "sings in a choir", "wears glasses", "lives by the river", "gets up early", "likes spicy food", "has a garden",
    "plays the piano", "collects stamps", "keeps bees", "goes to bed late", "watches old films", "eats lunch at noon",
    "swims every morning", "walks to work", "bakes bread", "writes poems", "grows tomatoes", "has a dog",
)  # fmt: skip
QUANTITIES = ("every", "no", "not every")


def reply_conclusion(slots: Slots) -> str:
    quantity, job, habit, name = (slots[key] for key in ("quantity", "job", "habit", "name"))
    given = f"{quantity.capitalize()} {job} in town {habit}, and {name} is a {job} there."
    if quantity == "every":
        return f"{given} So yes, {name} {habit}."
    if quantity == "no":
        return f"{given} So no, it cannot be that {name} {habit}."
    return f"{given} Some may and some may not, so we cannot know whether {name} {habit}."


def not_every_is_harder(slots: Slots) -> Difficulty:
    return "hard" if slots["quantity"] == "not every" else "medium"


IF_NOT = FollowUp(
    form=Form(
        (
            "And if {name} were not a {job}?",
            "What if {name} is not a {job} at all?",
            "Oh, I was wrong: {name} is not a {job}. And now?",
            "And what could we say if {name} were no {job}?",
            "Suppose {name} stops being a {job}. What do we know then?",
        ),
        {"name": PERSON, "job": one_of(JOBS, "[a-z]+")},
    ),
    draw=lambda first, _: {"name": first["name"], "job": first["job"]},
    reply=lambda first, _: (
        f"Then we cannot know. We only heard about each {first['job']} in town, and {first['name']} would not be one."
    ),
)

CONCLUSION = Family(
    name="conclusion",
    category="Reasoning",
    form=Form(
        (
            "If {quantity} {job} in town {habit} and {name} is a {job} there, is it true that {name} {habit}?",
            "Suppose that {quantity} {job} in town {habit}. {name} is a {job} there. Can we say that {name} {habit}?",
            "I read that {quantity} {job} in town {habit}. {name} is a {job} there. Does it follow that {name} "
            "{habit}?",
            "Say {quantity} {job} in town {habit}. {name} is a {job} there. Is it right that {name} {habit}?",
            "They say that {quantity} {job} in town {habit}. {name} is a {job} there. Do we know that {name} {habit}?",
            "Let us think: {quantity} {job} in town {habit}, and {name} is a {job} there. So {name} {habit}, right?",
            "We know that {quantity} {job} in town {habit}. {name} is a {job} there. May I conclude that {name} "
            "{habit}?",
            "Is it certain that {name} {habit}, if {quantity} {job} in town {habit} and {name} is a {job} there?",
            "Here is a riddle: {quantity} {job} in town {habit}. {name} is a {job} there. Is it a fact that "
            "{name} {habit}?",
            "My aunt claims that {name} {habit}. After all, {name} is a {job} in town, and {quantity} {job} "
            "there {habit}. Is she right?",
            "{name} is a {job} in town, and {quantity} {job} there {habit}. Can I be sure that {name} {habit}?",
            "{name} works as a {job} in town. Given that {quantity} {job} there {habit}, is it so that {name} {habit}?",
            "I met {name}, a {job} in town. As {quantity} {job} there {habit}, would you say that {name} {habit}?",
            "Can we be sure that {name} {habit}? All we know is that {quantity} {job} in town {habit} and that "
            "{name} is a {job} there.",
            "I hear that {quantity} {job} in town {habit}. {name} is a {job} there. Is it safe to say that "
            "{name} {habit}?",
            "Assume that {quantity} {job} in town {habit} and that {name} is a {job} there. Must it be that "
            "{name} {habit}?",
        ),
        {
            "quantity": exactly(QUANTITIES),
            "job": one_of(JOBS, "[a-z]+"),
            "habit": one_of(HABITS, "[a-z]+ [a-z ]+?"),
            "name": PERSON,
        },
    ),
    draw=lambda rng: {
        "quantity": rng.choice(QUANTITIES),
        "job": rng.choice(JOBS),
        "habit": rng.choice(HABITS),
        "name": rng.choice(NAMES),
    },
    reply=lambda slots, _: reply_conclusion(slots),
    sensible=lambda slots: named(slots, "name"),
    follow_ups=(IF_NOT,),
    intent="to know what follows from a general statement",
    knowledge="logic",
    difficulty=not_every_is_harder,
    weight=0.9,
)

FAMILIES = (CONCLUSION,)
