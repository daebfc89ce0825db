"""What the planning families know: what to see, to practice, to cook, to pack. Knows no phrasing."""

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
    "gardens": ("sit in the rose garden", "visit the flower market", "stroll through the park",
                "go to the big greenhouse"),
    "science": ("visit the science museum", "see the planetarium", "look at the stars from a hill",
                "try the museum's experiments"),
    "theater": ("take a tour behind a stage", "watch a puppet show", "see a play", "visit the theater museum"),
    "trains": ("see the old station", "ride a tram to the last stop", "watch the night trains leave",
               "visit the railway museum"),
}  # fmt: skip
COMPANY = (
    "my mother", "my father", "my sister", "my brother", "my son", "my daughter", "my aunt", "my uncle", "my parents",
    "my children", "my grandfather", "my cousin", "my husband", "my wife", "two friends", "an old friend", "my class",
    "a colleague", "my neighbors", "my niece",
)  # fmt: skip

# skill -> one step for each of three days
SKILLS = {
    "the guitar": ("Learn three simple chords", "Practice changing chords slowly", "Play one easy song"),
    "Spanish": ("Learn twenty common words", "Practice short greetings", "Listen to a simple story"),
    "chess": ("Learn how each piece moves", "Practice simple checkmates", "Play two full games"),
    "cooking": ("Learn to chop vegetables safely", "Cook a simple soup", "Make a full dinner"),
    "Python": ("Install Python and print a message", "Practice loops and lists", "Write a small program"),
    "photography": ("Learn how light works", "Take photos of simple things", "Edit the best pictures"),
    "swimming": ("Practice breathing in the water", "Learn to float and kick", "Swim one short lap"),
    "drawing": ("Draw lines and basic shapes", "Practice light and shadow", "Draw a simple portrait"),
    "yoga": ("Learn to breathe slowly", "Practice three easy poses", "Join the poses into one flow"),
    "knitting": ("Choose thick wool and needles", "Practice the basic stitch", "Begin a short scarf"),
    "gardening": ("Look at the light and the soil", "Plant a few herbs", "Learn when to water them"),
    "juggling": ("Throw one ball from hand to hand", "Practice with two balls", "Try three balls over a bed"),
    "the piano": ("Find all the notes on the keys", "Practice a scale with each hand", "Play a slow tune"),
    "first aid": ("Learn the emergency number", "Practice how to stop bleeding", "Repeat every step with a friend"),
    "sewing": ("Thread a needle and tie a knot", "Practice a straight seam", "Sew on a button"),
    "singing": ("Breathe deeply and hum", "Practice a slow scale", "Sing one song to the end"),
    "origami": ("Fold a paper boat", "Practice clean, sharp folds", "Fold a paper crane"),
    "typing": ("Put the fingers on the middle row", "Practice short words without looking", "Type a whole letter"),
    "baking": ("Measure everything with care", "Bake simple cookies", "Bake a small bread"),
    "skating": ("Learn to fall and get up", "Practice gliding on one foot", "Skate a large circle"),
}  # fmt: skip

# dish -> (ingredients, first step, second step)
DISHES = {
    "pancakes": (["flour", "milk", "eggs"], "Mix the flour, milk and eggs", "Fry the batter on both sides"),
    "tomato soup": (["tomatoes", "onion", "garlic"], "Fry the onion and garlic",
                    "Add the tomatoes and cook for twenty minutes"),
    "omelettes": (["eggs", "cheese", "butter"], "Beat the eggs with salt", "Cook them in butter and add the cheese"),
    "fried rice": (["rice", "eggs", "peas"], "Cook the rice and let it cool", "Fry it with the eggs and peas"),
    "fruit salad": (["apples", "bananas", "honey"], "Cut the fruit into small pieces", "Mix it with the honey"),
    "garlic bread": (["bread", "butter", "garlic"], "Mix the butter and garlic",
                     "Spread it on the bread and bake for ten minutes"),
    "pasta with cheese": (["pasta", "cheese", "butter"], "Boil the pasta in salted water",
                          "Stir in the butter and cheese"),
    "lemonade": (["lemons", "sugar", "water"], "Squeeze the lemons and add the sugar", "Pour in cold water"),
    "banana bread": (["bananas", "flour", "sugar"], "Mash the bananas and mix everything", "Bake it for an hour"),
    "vegetable curry": (["potatoes", "carrots", "coconut milk"], "Fry the vegetables with curry powder",
                        "Add the coconut milk and cook until soft"),
    "green salad": (["lettuce", "cucumber", "oil"], "Wash and cut the vegetables", "Add the oil and a little salt"),
    "mashed potatoes": (["potatoes", "milk", "butter"], "Boil the potatoes until they are soft",
                        "Mash them with warm milk and butter"),
    "apple pie": (["apples", "flour", "butter"], "Make a dough from the flour and butter",
                  "Fill it with apples and bake for forty minutes"),
    "hot chocolate": (["milk", "cocoa", "sugar"], "Warm the milk slowly", "Stir in the cocoa and sugar"),
    "onion soup": (["onions", "broth", "bread"], "Fry the onions until they are brown",
                   "Add the broth and serve with the bread"),
    "cheese sandwiches": (["bread", "cheese", "tomatoes"], "Put cheese and tomatoes between the bread",
                          "Toast it on both sides"),
    "baked apples": (["apples", "raisins", "honey"], "Core the apples and fill them with raisins",
                     "Add the honey and bake for half an hour"),
    "lentil soup": (["lentils", "carrots", "broth"], "Cut the carrots", "Cook everything until the lentils are soft"),
    "potato salad": (["potatoes", "pickles", "yogurt"], "Boil and slice the potatoes",
                     "Mix them with the pickles and yogurt"),
    "oat cookies": (["oats", "butter", "sugar"], "Stir everything into a dough", "Bake small cookies for ten minutes"),
    "stuffed peppers": (["peppers", "rice", "cheese"], "Cook the rice and fill the peppers with it",
                        "Add the cheese and bake for half an hour"),
    "vegetable skewers": (["zucchini", "tomatoes", "mushrooms"], "Cut everything and put it on sticks",
                          "Grill the skewers for ten minutes"),
    "rice pudding": (["rice", "milk", "cinnamon"], "Cook the rice slowly in the milk", "Sprinkle cinnamon on top"),
    "bean tacos": (["beans", "tortillas", "corn"], "Warm the beans with the corn", "Fill the tortillas"),
}  # fmt: skip
MEALS = (
    "tonight", "tomorrow", "on Sunday", "on Friday", "this weekend", "for lunch", "for dinner", "for a picnic",
    "for a birthday", "at our lake house", "after work", "on a rainy day",
)  # fmt: skip

# where somebody goes -> what to pack besides clothes
PLACES = {
    "the beach": ("a swimsuit", "a towel", "sunscreen"),
    "the mountains": ("hiking boots", "a rain jacket", "a map"),
    "a big city": ("comfortable shoes", "a city guide", "an umbrella"),
    "a campsite": ("a tent", "a sleeping bag", "a flashlight"),
    "a ski resort": ("a warm jacket", "ski gloves", "a wool hat"),
    "a lake": ("a swimsuit", "a fishing rod", "insect spray"),
    "a farm": ("rubber boots", "old trousers", "a straw hat"),
    "the desert": ("a sun hat", "a large water bottle", "sunglasses"),
    "the rainforest": ("a rain jacket", "insect spray", "light trousers"),
    "an island": ("sandals", "sunscreen", "a snorkel"),
    "a music festival": ("earplugs", "a tent", "a rain jacket"),
    "a conference": ("a smart jacket", "a notebook", "a laptop"),
    "the coast": ("a windbreaker", "soft shoes", "a warm sweater"),
    "a wedding": ("a smart outfit", "good shoes", "a gift"),
    "my grandparents": ("warm slippers", "a good book", "some photos"),
    "a spa hotel": ("a swimsuit", "slippers", "a bathrobe"),
}  # fmt: skip

# things to do that take about an hour
