"""Planning: a day in a city, learning something, a meal, a suitcase. Hours and money have a file of their own."""

from fledgling.families import planning_numbers
from fledgling.families.planning_words import COMPANY, DISHES, INTERESTS, MEALS, PLACES, SKILLS
from fledgling.family import Difficulty, Family, FollowUp, Form, Slots, exactly, one_of
from fledgling.slots import NUMBER, PLACE, between, named, number, yours
from fledgling.words import CITIES, comma_and, sentence

# -- a day in a city ---------------------------------------------------------------------------------------------------

PARTS = ("morning", "afternoon", "evening")
DAY_SLOTS = {"city": PLACE, "interest": one_of(list(INTERESTS), "[a-z]+"), "company": one_of(COMPANY)}


def reply_day(slots: Slots) -> str:
    morning, afternoon, evening, _ = INTERESTS[slots["interest"]]
    return (
        f"Here is a plan for your day in {slots['city']} with {yours(slots['company'])}:\n"
        f"Morning: have breakfast at a small cafe, then {morning}.\n"
        f"Afternoon: eat lunch near the river, then {afternoon}.\n"
        f"Evening: enjoy dinner at a cozy restaurant, then {evening}."
    )


def medium(_: Slots) -> Difficulty:
    return "medium"


IF_IT_RAINS = FollowUp(
    form=Form(
        (
            "What if it rains?",
            "And if it rains?",
            "What should we do if the weather is bad?",
            "They say it may rain. What then?",
            "And do you have an idea for a rainy day?",
        )
    ),
    reply=lambda first, _: f"If it rains in {first['city']}, you can {INTERESTS[first['interest']][3]}.",
    anytime=True,
)
WHAT_IN_THE = FollowUp(
    form=Form(
        (
            "What do we do in the {part} again?",
            "Remind me of the {part}.",
            "And after the meal in the {part}?",
            "I only have the {part} free. What would we do?",
            "What was the idea for the {part}?",
        ),
        {"part": exactly(PARTS)},
    ),
    draw=lambda _, rng: {"part": rng.choice(PARTS)},
    reply=lambda first, own: f"In the {own['part']} you {INTERESTS[first['interest']][PARTS.index(own['part'])]}.",
    anytime=True,
)

DAY = Family(
    name="day_plan",
    category="Planning",
    form=Form(
        (
            "Plan a day in {city} with {company}. We like {interest}.",
            "I am visiting {city} with {company} and we love {interest}. Can you plan our day?",
            "Make a one day plan for {city} with a focus on {interest}. I travel with {company}.",
            "What can I do in {city} in one day with {company}? We like {interest}.",
            "I have one day in {city} with {company}, and we enjoy {interest}. What should we do?",
            "Suggest a schedule for a day in {city} with {company} and a lot of {interest}.",
            "We are all fond of {interest}. Plan a day for me and {company} in {city}.",
            "Tomorrow I will be in {city} with {company}. Plan a day around {interest}.",
            "Help me plan a day in {city} for me and {company}, with plenty of {interest}.",
            "How would you spend a day in {city} with {company} if you like {interest}?",
            "Our train stops in {city} for a day. I am with {company} and we want {interest}. What is the plan?",
            "I want to surprise {company} with a day of {interest} in {city}. What could it look like?",
            "Give me a plan from morning to evening for {city}, for {interest}, and for {company} and me.",
            "It is our first time in {city}. I come with {company}, and we care about {interest}. Any plan?",
            "Could you write a day plan for {city}? I go there with {company} because of {interest}.",
            "Next week I show {city} to {company}. We both like {interest}. How do we spend the day?",
        ),
        DAY_SLOTS,
    ),
    draw=lambda rng: {
        "city": rng.choice(CITIES),
        "interest": rng.choice(list(INTERESTS)),
        "company": rng.choice(COMPANY),
    },
    reply=lambda slots, _: reply_day(slots),
    sensible=lambda slots: named(slots, "city"),
    follow_ups=(IF_IT_RAINS, WHAT_IN_THE),
    intent="to plan a day in a city",
    knowledge="ideas for sightseeing and a sense of the day's order",
    difficulty=medium,
)

# -- learning something ------------------------------------------------------------------------------------------------

SKILL_SLOTS = {"skill": exactly(list(SKILLS)), "learner": one_of((*COMPANY, "myself")), "n": NUMBER}


def reply_learning(slots: Slots) -> str:
    days = "\n".join(f"Day {day}: {step}." for day, step in enumerate(SKILLS[slots["skill"]], start=1))
    return (
        f"Here is a plan for {yours(slots['learner'])} to learn {slots['skill']} in {slots['n']} minutes a day:\n{days}"
    )


STEP_OF_DAY = FollowUp(
    form=Form(
        (
            "What was day {n} again?",
            "Remind me what to do on day {n}.",
            "And on day {n}?",
            "Only day {n}.",
            "Which step is for day {n}?",
        ),
        {"n": NUMBER},
    ),
    draw=lambda _, rng: {"n": str(rng.randint(1, 3))},
    reply=lambda first, own: f"On day {own['n']}: {SKILLS[first['skill']][number(own, 'n') - 1]}.",
    anytime=True,
)

LEARN = Family(
    name="learning_plan",
    category="Planning",
    form=Form(
        (
            "Make a plan for {learner} to learn {skill} with {n} minutes a day.",
            "How can I teach {skill} to {learner}? We have {n} minutes a day.",
            "I need a plan to learn {skill}. It is for {learner}, with {n} minutes a day.",
            "Please write a three day plan for learning {skill}. It is for {learner}, and {n} minutes a day must do.",
            "There are {n} minutes a day for {skill}. Write a plan for {learner}.",
            "Is there a simple plan to start with {skill} in {n} minutes a day? I ask for {learner}.",
            "Three days, {n} minutes each: how does {learner} learn {skill}?",
            "Give me a beginner's plan for {skill}, {n} minutes a day, for {learner}.",
            "I promised a plan to {learner}: {skill} in {n} minutes a day. Can you write it?",
            "What are good first steps in {skill} for {learner}, with {n} minutes a day?",
            "We found {n} minutes a day for {skill}. Plan three days for {learner}.",
            "Write down for {learner} how to begin with {skill}. No more than {n} minutes a day.",
            "It is time for {skill}! Make a plan for {learner} with {n} minutes a day.",
            "With only {n} minutes a day, how should {learner} start learning {skill}?",
            "Can you plan the first three days of {skill} for {learner}? We can spare {n} minutes a day.",
            "My gift to {learner} is a course in {skill}, {n} minutes a day. What would the days look like?",
        ),
        SKILL_SLOTS,
    ),
    draw=lambda rng: {
        "skill": rng.choice(list(SKILLS)),
        "learner": rng.choice(COMPANY),
        "n": str(rng.randrange(10, 65, 5)),
    },
    reply=lambda slots, _: reply_learning(slots),
    sensible=lambda slots: between(slots, 5, 240, "n"),
    follow_ups=(STEP_OF_DAY,),
    intent="to plan how to learn a new skill",
    knowledge="knowing the first steps of common skills",
    difficulty=medium,
    weight=0.9,
)

# -- a meal ------------------------------------------------------------------------------------------------------------

MEAL_SLOTS = {"dish": one_of(list(DISHES)), "n": NUMBER, "when": exactly(MEALS)}


def reply_meal(slots: Slots) -> str:
    ingredients, first, second = DISHES[slots["dish"]]
    return (
        f"To make {slots['dish']} for {slots['n']} people you need {comma_and(ingredients)}.\n"
        f"1. {first}.\n2. {second}.\nEnjoy!"
    )


SHOPPING_LIST = FollowUp(
    form=Form(
        (
            "Give me just the shopping list.",
            "What do I need to buy?",
            "Can you make a shopping list?",
            "I am at the store now. What do I get?",
            "Put the ingredients in a list.",
        )
    ),
    reply=lambda first, _: "\n".join(f"- {ingredient}" for ingredient in DISHES[first["dish"]][0]),
    anytime=True,
)

MEAL = Family(
    name="recipe",
    category="Planning",
    form=Form(
        (
            "How do I make {dish} for {n} people {when}?",
            "Give me a simple recipe for {dish} for {n} people. We eat it {when}.",
            "I want to cook {dish} for {n} people {when}. What do I need?",
            "I would like to make {dish} {when}, for {n} people. How does it work?",
            "What is an easy way to make {dish} for {n} people {when}?",
            "We are {n} people and want {dish} {when}. Can you help?",
            "I invited guests, so we are {n} people {when}. How do I cook {dish}?",
            "Please explain how to prepare {dish} {when} for {n} people.",
            "There will be {dish} {when} for {n} people. What are the steps?",
            "My family wants {dish} {when}, and we are {n} people. Can you explain it to me?",
            "Plan {dish} for {n} people {when}, with ingredients and steps.",
            "I have never made {dish} before. How do I do it {when} for {n} people?",
            "Could you give me a recipe? I am thinking of {dish} {when} for {n} people.",
            "I am making {dish} {when}. There are {n} people at the table. What do I do?",
            "Tell me how to cook {dish} for {n} people {when}.",
            "Our kitchen is small, but I promised {dish} {when} to {n} people. What do I do?",
        ),
        MEAL_SLOTS,
    ),
    draw=lambda rng: {
        "dish": rng.choice(list(DISHES)),
        "n": str(rng.randint(2, 12)),
        "when": rng.choice(MEALS),
    },
    reply=lambda slots, _: reply_meal(slots),
    sensible=lambda slots: between(slots, 2, 40, "n"),
    follow_ups=(SHOPPING_LIST,),
    intent="to cook a simple dish",
    knowledge="cooking and simple recipes",
    weight=0.9,
)

# -- a suitcase --------------------------------------------------------------------------------------------------------

PACK_SLOTS = {"place": one_of(list(PLACES)), "n": NUMBER, "company": one_of(COMPANY)}


def clothes(n: str) -> str:
    return f"{n} shirts and {n} pairs of socks"


def reply_pack(slots: Slots) -> str:
    things = "\n".join(f"- {thing}" for thing in PLACES[slots["place"]])
    where = yours(slots["place"])
    return f"For a trip of {slots['n']} days to {where}, pack these things:\n- {clothes(slots['n'])}\n{things}"


AND_FOR_DAYS = FollowUp(
    form=Form(
        (
            "And if we stay for {n} days?",
            "What if it is {n} days?",
            "And for {n} days?",
            "We just made it {n} days. What changes?",
            "Now we stay {n} days. What do I change?",
        ),
        {"n": NUMBER},
    ),
    draw=lambda first, rng: {"n": rng.choice([str(n) for n in range(2, 15) if str(n) != first["n"]])},
    reply=lambda _, own: f"Then take {clothes(own['n'])}. The rest of the list stays the same.",
    anytime=True,
)
WITHOUT_CLOTHES = FollowUp(
    form=Form(
        (
            "I have the clothes. What else was it?",
            "And apart from the clothes?",
            "Just the other things.",
            "The shirts and socks are packed. What is left?",
            "What else besides shirts and socks?",
        )
    ),
    reply=lambda first, _: sentence(f"{comma_and(list(PLACES[first['place']]))}."),
    anytime=True,
)

PACK = Family(
    name="packing",
    category="Planning",
    form=Form(
        (
            "What should I pack for a trip of {n} days to {place}? I go with {company}.",
            "Make a packing list for {n} days. I am going to {place} with {company}.",
            "I am going to {place} for {n} days with {company}. What do I need to take?",
            "Help me pack. I am off to {place} with {company} for {n} days.",
            "We leave for {place} tomorrow, {company} and I, for {n} days. What goes into the bag?",
            "Please write a packing list: a trip to {place}, {n} days, together with {company}.",
            "What do I take to {place} if I stay {n} days with {company}?",
            "My bag is still empty, and I leave for {place} with {company}. It is {n} days. What should I pack?",
            "For {n} days I am off to {place} with {company}. Can you make a list of what to pack?",
            "I always forget something. What do I pack for a trip to {place}, {n} days, with {company}?",
            "Can you tell me what to bring to {place} for {n} days? I travel with {company}.",
            "I am taking {company} to {place} for {n} days. What should be in my suitcase?",
            "What belongs in a bag for {n} days if I travel to {place} with {company}?",
            "A trip to {place} with {company} is coming up, and it takes {n} days. What do I need?",
            "I have to pack for {place} tonight. We stay {n} days, {company} and I. Any list?",
            "In one hour I leave for {place} with {company} for {n} days. Quick, what do I pack?",
        ),
        PACK_SLOTS,
    ),
    draw=lambda rng: {
        "place": rng.choice(list(PLACES)),
        "n": str(rng.randint(2, 14)),
        "company": rng.choice(COMPANY),
    },
    reply=lambda slots, _: reply_pack(slots),
    sensible=lambda slots: between(slots, 2, 60, "n"),
    follow_ups=(AND_FOR_DAYS, WITHOUT_CLOTHES),
    intent="to know what to pack for a trip",
    knowledge="knowing what people need in different places",
    weight=0.9,
)

FAMILIES = (DAY, LEARN, MEAL, PACK, *planning_numbers.FAMILIES)
