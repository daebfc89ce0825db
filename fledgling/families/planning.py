"""Planning: a day in a city, a first week of learning something, a simple meal."""

from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import CITIES, comma_and

# -- a day in a city ---------------------------------------------------------------------------------------------------

# interest -> morning, afternoon, evening, what to do when it rains
INTERESTS = {
    "art": ("visit the art museum", "take a drawing class", "see a small gallery", "stay longer in the museum"),
    "food": ("explore the food market", "join a cooking class", "try a famous bakery", "eat in the covered market"),
    "history": ("tour the old town", "visit the history museum", "see the ancient walls", "read in the old library"),
    "nature": ("walk in the botanical garden", "hike up a hill", "row a boat on the lake", "visit the aquarium"),
    "music": ("visit a record shop", "tour the opera house", "enjoy a live concert", "listen in the music library"),
    "sports": ("rent a bike", "watch a local match", "swim at the public pool", "climb at an indoor wall"),
    "books": ("browse an old bookshop", "visit the city library", "go to a reading", "read in a quiet cafe"),
    "shopping": ("look around a flea market", "visit the main shopping street", "find gifts in small shops",
                 "go to a large department store"),
    "animals": ("see the zoo", "visit a small farm", "watch birds by the river", "visit the aquarium"),
    "photography": ("take pictures of the bridges", "photograph the old market", "wait for the sunset",
                    "look at a photo exhibition"),
}  # fmt: skip
DAY_SLOTS = {"city": one_of(CITIES), "interest": one_of(list(INTERESTS), "[a-z]+")}


def reply_day(slots: Slots) -> str:
    morning, afternoon, evening, _ = INTERESTS[slots["interest"]]
    return (
        f"Here is a plan for your day in {slots['city']}:\n"
        f"Morning: have breakfast at a small cafe, then {morning}.\n"
        f"Afternoon: eat lunch near the river, then {afternoon}.\n"
        f"Evening: enjoy dinner at a cozy restaurant, then {evening}."
    )


IF_IT_RAINS = FollowUp(
    form=Form(("What if it rains?", "And if it rains?", "What should I do if the weather is bad?")),
    reply=lambda first, _: f"If it rains in {first['city']}, you can {INTERESTS[first['interest']][3]}.",
)

DAY = Family(
    name="day_plan",
    category="Planning",
    form=Form(
        (
            "Plan a day in {city} for someone who likes {interest}.",
            "I am visiting {city} and I love {interest}. Can you plan my day?",
            "Make a one day plan for {city} with a focus on {interest}.",
            "What can I do in {city} in one day? I like {interest}.",
            "We have one day in {city} and enjoy {interest}. What should we do?",
            "Suggest a schedule for a day in {city} with a lot of {interest}.",
            "My friend loves {interest}. Plan a day for us in {city}.",
        ),
        DAY_SLOTS,
    ),
    draw=draw_each(DAY_SLOTS),
    reply=lambda slots, _: reply_day(slots),
    follow_ups=(IF_IT_RAINS,),
)

# -- learning something ------------------------------------------------------------------------------------------------

SKILLS = {
    "the guitar": ("Learn three simple chords", "Practice changing chords slowly", "Play one easy song"),
    "Spanish": ("Learn twenty common words", "Practice short greetings", "Listen to a simple story"),
    "chess": ("Learn how each piece moves", "Practice simple checkmates", "Play two full games"),
    "cooking": ("Learn to chop vegetables safely", "Cook a simple soup", "Make a full dinner"),
    "Python": ("Install Python and print a message", "Practice loops and lists", "Write a small program"),
    "photography": ("Learn how light works", "Take photos of simple things", "Edit your best pictures"),
    "swimming": ("Practice breathing in the water", "Learn to float and kick", "Swim one short lap"),
    "drawing": ("Draw lines and basic shapes", "Practice light and shadow", "Draw a simple portrait"),
    "yoga": ("Learn to breathe slowly", "Practice three easy poses", "Join the poses into one flow"),
    "knitting": ("Choose thick wool and needles", "Practice the basic stitch", "Begin a short scarf"),
    "gardening": ("Look at the light and the soil", "Plant a few herbs", "Learn when to water them"),
    "juggling": ("Throw one ball from hand to hand", "Practice with two balls", "Try three balls over a bed"),
    "the piano": ("Find all the notes on the keys", "Practice a scale with each hand", "Play a slow tune"),
    "first aid": ("Learn the emergency number", "Practice how to stop bleeding", "Repeat every step with a friend"),
}  # fmt: skip
LENGTHS = ("short", "simple", "three day", "beginner's")
SKILL_SLOTS = {"skill": one_of(list(SKILLS)), "length": one_of(LENGTHS)}


def reply_learning(slots: Slots) -> str:
    days = "\n".join(f"Day {day}: {step}." for day, step in enumerate(SKILLS[slots["skill"]], start=1))
    return f"Here is a {slots['length']} plan to learn {slots['skill']}:\n{days}"


LEARN = Family(
    name="learning_plan",
    category="Planning",
    form=Form(
        (
            "Make a {length} plan to learn {skill}.",
            "I want to learn {skill}. Can you give me a {length} plan?",
            "How should I start learning {skill}? Give me a {length} plan.",
            "Please write a {length} plan for learning {skill}.",
            "I have three days to learn {skill}. I need a {length} plan.",
            "Is there a {length} plan for someone who wants to learn {skill}?",
        ),
        SKILL_SLOTS,
    ),
    draw=draw_each(SKILL_SLOTS),
    reply=lambda slots, _: reply_learning(slots),
    weight=0.8,
)

# -- a simple meal -----------------------------------------------------------------------------------------------------

# dish -> (ingredients, first step, second step)
DISHES = {
    "pancakes": (["flour", "milk", "eggs"], "Mix the flour, milk and eggs", "Fry the batter on both sides"),
    "tomato soup": (["tomatoes", "onion", "garlic"], "Fry the onion and garlic",
                    "Add the tomatoes and cook for twenty minutes"),
    "an omelette": (["eggs", "cheese", "butter"], "Beat the eggs with salt", "Cook them in butter and add the cheese"),
    "fried rice": (["rice", "eggs", "peas"], "Cook the rice and let it cool", "Fry it with the eggs and peas"),
    "a fruit salad": (["apples", "bananas", "honey"], "Cut the fruit into small pieces", "Mix it with the honey"),
    "garlic bread": (["bread", "butter", "garlic"], "Mix the butter and garlic",
                     "Spread it on the bread and bake for ten minutes"),
    "pasta with cheese": (["pasta", "cheese", "butter"], "Boil the pasta in salted water",
                          "Stir in the butter and cheese"),
    "lemonade": (["lemons", "sugar", "water"], "Squeeze the lemons and add the sugar", "Pour in cold water"),
    "banana bread": (["bananas", "flour", "sugar"], "Mash the bananas and mix everything", "Bake it for an hour"),
    "vegetable curry": (["potatoes", "carrots", "coconut milk"], "Fry the vegetables with curry powder",
                        "Add the coconut milk and cook until soft"),
    "a green salad": (["lettuce", "cucumber", "oil"], "Wash and cut the vegetables", "Add the oil and a little salt"),
    "mashed potatoes": (["potatoes", "milk", "butter"], "Boil the potatoes until they are soft",
                        "Mash them with warm milk and butter"),
    "apple pie": (["apples", "flour", "butter"], "Make a dough from the flour and butter",
                  "Fill it with apples and bake for forty minutes"),
    "hot chocolate": (["milk", "cocoa", "sugar"], "Warm the milk slowly", "Stir in the cocoa and sugar"),
    "onion soup": (["onions", "broth", "bread"], "Fry the onions until they are brown",
                   "Add the broth and serve with the bread"),
    "a cheese sandwich": (["bread", "cheese", "tomatoes"], "Put cheese and tomatoes between the bread",
                          "Toast it on both sides"),
}  # fmt: skip
GUESTS = ("two people", "my family", "a friend", "four guests", "my children", "myself")
MEAL_SLOTS = {"dish": one_of(list(DISHES)), "guests": one_of(GUESTS)}
YOURSELF = {"my family": "your family", "my children": "your children", "myself": "yourself"}


def reply_meal(slots: Slots) -> str:
    ingredients, first, second = DISHES[slots["dish"]]
    guests = YOURSELF.get(slots["guests"], slots["guests"])
    return f"To make {slots['dish']} for {guests} you need {comma_and(ingredients)}.\n1. {first}.\n2. {second}.\nEnjoy!"


SHOPPING_LIST = FollowUp(
    form=Form(("Give me just the shopping list.", "What do I need to buy?", "Can you make a shopping list?")),
    reply=lambda first, _: "\n".join(f"- {ingredient}" for ingredient in DISHES[first["dish"]][0]),
)

MEAL = Family(
    name="recipe",
    category="Planning",
    form=Form(
        (
            "How do I make {dish} for {guests}?",
            "Give me a simple recipe for {dish} for {guests}.",
            "I want to cook {dish} for {guests}. What do I need?",
            "I would like to make {dish} for {guests}. How does it work?",
            "What is an easy way to make {dish} for {guests}?",
            "Tonight I am making {dish} for {guests}. Can you help?",
        ),
        MEAL_SLOTS,
    ),
    draw=draw_each(MEAL_SLOTS),
    reply=lambda slots, _: reply_meal(slots),
    follow_ups=(SHOPPING_LIST,),
)

FAMILIES = (DAY, LEARN, MEAL)
