"""Information seeking: capitals, what a word means, how animals live."""

from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import sentence, with_article

# -- capitals ----------------------------------------------------------------------------------------------------------

# country -> (capital, what most people there speak)
COUNTRIES = {
    "France": ("Paris", "French"), "Germany": ("Berlin", "German"), "Italy": ("Rome", "Italian"),
    "Spain": ("Madrid", "Spanish"), "Portugal": ("Lisbon", "Portuguese"), "Japan": ("Tokyo", "Japanese"),
    "China": ("Beijing", "Chinese"), "Egypt": ("Cairo", "Arabic"), "Greece": ("Athens", "Greek"),
    "Norway": ("Oslo", "Norwegian"), "Sweden": ("Stockholm", "Swedish"), "Denmark": ("Copenhagen", "Danish"),
    "Finland": ("Helsinki", "Finnish"), "Poland": ("Warsaw", "Polish"), "Austria": ("Vienna", "German"),
    "Hungary": ("Budapest", "Hungarian"), "Ireland": ("Dublin", "English"), "Mexico": ("Mexico City", "Spanish"),
    "Brazil": ("Brasilia", "Portuguese"), "Argentina": ("Buenos Aires", "Spanish"), "Chile": ("Santiago", "Spanish"),
    "Peru": ("Lima", "Spanish"), "Cuba": ("Havana", "Spanish"), "Thailand": ("Bangkok", "Thai"),
    "Vietnam": ("Hanoi", "Vietnamese"), "Morocco": ("Rabat", "Arabic"), "Turkey": ("Ankara", "Turkish"),
    "Iceland": ("Reykjavik", "Icelandic"), "Australia": ("Canberra", "English"), "Romania": ("Bucharest", "Romanian"),
    "Iran": ("Tehran", "Persian"), "Iraq": ("Baghdad", "Arabic"), "Nepal": ("Kathmandu", "Nepali"),
    "Russia": ("Moscow", "Russian"), "Bulgaria": ("Sofia", "Bulgarian"), "Croatia": ("Zagreb", "Croatian"),
    "Colombia": ("Bogota", "Spanish"), "Tunisia": ("Tunis", "Arabic"), "Jordan": ("Amman", "Arabic"),
    "Ukraine": ("Kyiv", "Ukrainian"),
}  # fmt: skip
COUNTRY = one_of(list(COUNTRIES))


def sayings(slots: Slots) -> tuple[str, str]:
    country, city = slots["country"], COUNTRIES[slots["country"]][0]
    return f"The capital of {country} is {city}.", f"{city} is the capital of {country}."


SPEAK = FollowUp(
    form=Form(("What language do people speak there?", "Which language is spoken there?", "And what do they speak?")),
    reply=lambda first, _: f"Most people in {first['country']} speak {COUNTRIES[first['country']][1]}.",
)
AND_OF = FollowUp(
    form=Form(("And the capital of {country}?", "What about {country}?", "And of {country}?"), {"country": COUNTRY}),
    draw=lambda _, rng: {"country": rng.choice(list(COUNTRIES))},
    reply=lambda _, own: f"The capital of {own['country']} is {COUNTRIES[own['country']][0]}.",
)

CAPITAL = Family(
    name="capital",
    category="Information seeking",
    form=Form(
        (
            "What is the capital of {country}?",
            "Which city is the capital of {country}?",
            "Tell me the capital city of {country}.",
            "Do you know the capital of {country}?",
            "I forgot the capital of {country}. What is it called?",
            "I am going to {country} soon. What is its capital?",
            "Name the capital of {country}.",
        ),
        {"country": COUNTRY},
    ),
    draw=draw_each({"country": COUNTRY}),
    reply=lambda slots, rng: rng.choice(sayings(slots)),
    check=lambda slots, reply: reply in sayings(slots),
    follow_ups=(SPEAK, AND_OF),
    weight=0.8,
)

# -- what a word means -------------------------------------------------------------------------------------------------

# word -> (meaning, one more thing worth knowing)
MEANINGS = {
    "telescope": ("a tool that makes distant things look closer", "Astronomers use it to study the stars."),
    "volcano": ("a mountain that can release lava, ash and gas", "Some volcanoes sleep for hundreds of years."),
    "compass": ("a small device whose needle points north", "Travelers use it to find their way."),
    "glacier": ("a huge mass of ice that moves slowly over land", "It can carve a whole valley."),
    "library": ("a place where people read and borrow books", "Most towns have one."),
    "desert": ("a dry area of land that gets very little rain", "The nights there can be very cold."),
    "thermometer": ("an instrument that measures temperature", "Doctors use it to check for a fever."),
    "island": ("a piece of land with water all around it", "Some islands are as large as a country."),
    "battery": ("a device that stores energy and gives electricity", "There is one inside every phone."),
    "bridge": ("a structure that carries a road over a river", "The first ones were fallen trees."),
    "mammal": ("an animal that feeds its young with milk", "Dogs, whales and people are all mammals."),
    "democracy": ("a system in which the people choose their leaders", "They do so by voting."),
    "budget": ("a plan for the money you earn and spend", "It helps you to save."),
    "algorithm": ("a list of clear steps that solves a problem", "Computers follow algorithms all day."),
    "database": ("an organized collection of data", "A computer can search it quickly."),
    "planet": ("a large round object that travels around a star", "We live on one of them."),
    "molecule": ("a group of atoms that are joined together", "Water is made of molecules."),
    "vaccine": ("a medicine that teaches the body to fight a disease", "It is often given to children."),
    "metaphor": ("a way to describe one thing as if it were another", "Poets like it very much."),
    "fossil": ("what is left of a plant or animal from long ago", "Fossils are found in old rocks."),
    "earthquake": ("a sudden shaking of the ground", "It starts deep inside the Earth."),
    "museum": ("a building where interesting objects are shown", "Many of them are free on Sundays."),
    "microscope": ("an instrument that makes tiny things look larger", "With it you can see single cells."),
    "rainbow": ("an arc of colors that appears in the sky", "You see it when the sun shines through rain."),
    "satellite": ("an object that travels around a planet", "The moon is one of them."),
    "contract": ("an agreement between two or more people", "Both sides usually sign it."),
    "recipe": ("a set of instructions for making a dish", "It also lists what you need."),
    "variable": ("a name in a program that stores a value", "The value can change while the program runs."),
    "ecosystem": ("a community of living things and their home", "A forest or a pond is a good example."),
    "harbor": ("a safe place where ships can stop", "Many old cities grew around one."),
    "orchestra": ("a large group of people who play music together", "A conductor leads them."),
    "dictionary": ("a book that explains the meaning of words", "The words are in alphabetical order."),
    "lighthouse": ("a tower with a bright light near the sea", "It warns ships about rocks."),
    "calendar": ("a table of the days and months of a year", "People use it to plan."),
    "passport": ("a document that shows who you are", "You need it to travel abroad."),
    "tornado": ("a very strong wind that spins in a column", "It can lift a car from the ground."),
    "biography": ("a book about the life of a real person", "It is written by someone else."),
    "muscle": ("a part of the body that makes movement possible", "The heart is a muscle too."),
    "engine": ("a machine that turns energy into movement", "Cars and airplanes need one."),
    "souvenir": ("a small thing you buy to remember a journey", "A postcard is a cheap one."),
}
THING = one_of([with_article(word) for word in MEANINGS], "an? [a-z]+")


def meaning(slots: Slots) -> tuple[str, str]:
    return MEANINGS[slots["thing"].split(" ", 1)[1]]


DEFINE = Family(
    name="define",
    category="Information seeking",
    form=Form(
        (
            "What is {thing}?",
            "Can you explain what {thing} is?",
            "What exactly is {thing}?",
            "How would you define {thing}?",
            "What do people mean by {thing}?",
            "Explain to a child what {thing} is.",
            "Describe {thing} in simple words.",
            "I do not know what {thing} is. Can you tell me?",
        ),
        {"thing": THING},
    ),
    draw=draw_each({"thing": THING}),
    reply=lambda slots, _: f"{sentence(slots['thing'])} is {meaning(slots)[0]}. {meaning(slots)[1]}",
)

# -- how animals live --------------------------------------------------------------------------------------------------

# animals -> (where they live, what they eat, something about them)
ANIMALS = {
    "lions": ("on the grasslands of Africa", "meat", "sleep up to twenty hours a day"),
    "pandas": ("in the mountain forests of China", "bamboo", "are born no larger than a mouse"),
    "penguins": ("on the cold coasts of the south", "fish", "cannot fly but swim very well"),
    "kangaroos": ("on the plains of Australia", "grass", "carry their young in a pouch"),
    "owls": ("in forests and old barns", "mice", "can turn their heads almost all the way around"),
    "bees": ("in hives", "nectar and pollen", "dance to show each other where flowers are"),
    "whales": ("in all the oceans", "fish and tiny sea animals", "breathe air as we do"),
    "frogs": ("in ponds and wet meadows", "insects", "drink through their skin"),
    "squirrels": ("in parks and forests", "nuts and seeds", "forget where they hide many of their nuts"),
    "elephants": ("in Africa and Asia", "grass, leaves and fruit", "can remember places for many years"),
    "camels": ("in dry deserts", "dry grass and thorny plants", "can go for days without water"),
    "bats": ("in caves and old roofs", "insects and fruit", "find their way by listening to echoes"),
    "dolphins": ("in warm seas", "fish and squid", "call each other by name"),
    "hedgehogs": ("in gardens and hedges", "insects and worms", "roll into a ball when they are afraid"),
    "beavers": ("near rivers and lakes", "bark and leaves", "build dams out of trees"),
    "spiders": ("almost everywhere on land", "insects", "have eight legs"),
    "turtles": ("in seas, rivers and gardens", "plants and small animals", "can live for a hundred years"),
    "parrots": ("in warm forests", "fruit and seeds", "can learn to repeat words"),
    "wolves": ("in the forests of the north", "meat", "live and hunt in packs"),
    "foxes": ("in fields, forests and even cities", "mice, birds and berries", "hunt mostly at night"),
    "giraffes": ("on the grasslands of Africa", "leaves from tall trees", "sleep for only a short time each day"),
    "koalas": ("in the forests of Australia", "leaves", "hardly ever drink water"),
    "sharks": ("in all the oceans", "fish and seals", "grow new teeth all their lives"),
    "ants": ("in nests under the ground", "seeds, sugar and insects", "can carry many times their own weight"),
}
ANIMAL = one_of(list(ANIMALS), "[a-z]+")
ASPECTS = ("live", "eat")


def live_or_eat(animal: str, aspect: str) -> str:
    home, food, _ = ANIMALS[animal]
    return f"{sentence(animal)} live {home}." if aspect == "live" else f"{sentence(animal)} eat {food}."


def also(animal: str) -> str:
    return f"They also {ANIMALS[animal][2]}."


WHAT_EAT = FollowUp(
    form=Form(("And what do they eat?", "What do they eat?", "What is their food?")),
    reply=lambda first, _: live_or_eat(first["animal"], "eat"),
)

HABITAT = Family(
    name="habitat",
    category="Information seeking",
    form=Form(
        (
            "Where do {animal} live?",
            "Tell me where {animal} live.",
            "Where can I find {animal}?",
            "In what kind of place do {animal} live?",
            "My daughter asks where {animal} live. What should I say?",
            "What can you tell me about {animal}?",
            "Tell me something interesting about {animal}.",
        ),
        {"animal": ANIMAL},
    ),
    draw=draw_each({"animal": ANIMAL}),
    reply=lambda slots, _: f"{live_or_eat(slots['animal'], 'live')} {also(slots['animal'])}",
    follow_ups=(WHAT_EAT,),
)

FAMILIES = (CAPITAL, DEFINE, HABITAT)
