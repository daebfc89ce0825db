"""What poems, stories, cards and slogans are made of. Knows no family."""

# topic -> two lines that rhyme, about this topic and no other
COUPLETS = {
    "the sea": ("The sea came in with silver foam,", "and brought the tired fishermen home."),
    "the moon": ("The moon looks down with half an eye", "and sails alone across the sky."),
    "a river": ("A river ran below the hill,", "it sang by day and never stood still."),
    "the rain": ("The rain is tapping on the pane,", "it washes clean the narrow lane."),
    "autumn": ("Now autumn paints the maple red", "and gives the hills a golden bed."),
    "the stars": ("The stars are lamps that never burn out,", "they lead the lost when they are in doubt."),
    "a garden": ("A garden waits behind the gate,", "its roses open, some are late."),
    "winter": ("When winter lays its coat of white,", "the smallest lamp looks warm and bright."),
    "the wind": ("The wind took off my hat today", "and laughed at me and ran away."),
    "a forest": ("A forest whispers, leaf to leaf,", "it hides the deer, the owl, the thief."),
    "coffee": ("My coffee steams, the house is still,", "the sun climbs slowly up the hill."),
    "friendship": ("In friendship two can share a load,", "and shorter grows the longest road."),
    "a black cat": ("A black cat walks along the wall,", "and makes no sound, no sound at all."),
    "a mountain": ("A mountain stands against the blue,", "it saw my fathers, now sees you."),
    "the sun": ("The sun gets up before the bell", "and warms the stones beside the well."),
    "music": ("When music comes through open doors,", "my feet forget their daily chores."),
    "snow": ("The snow fell softly in the night", "and turned the garden fence to white."),
    "a night train": ("A night train hums across the land,", "a sleeping child holds someone's hand."),
    "home": ("My home is just a door, a chair,", "a kettle and the people there."),
    "hope": ("Hope is a candle, small and plain,", "that burns in wind and burns in rain."),
    "a lighthouse": ("A lighthouse turns its patient light,", "and guides the sailors through the night."),
    "the night": ("The night has put the day to bed,", "an owl goes gliding overhead."),
    "an old letter": ("An old letter, soft and thin,", "still keeps a summer folded in."),
    "an old tree": ("An old tree holds a broken swing", "and puts on green again each spring."),
    "spring": ("In spring the meadow wakes and yawns", "and bees are busy on the lawns."),
    "the desert": ("The desert sleeps in waves of sand,", "one footprint crosses all that land."),
    "a quiet street": ("A quiet street at half past ten,", "a dog barks once, then sleeps again."),
    "bread": ("The bread is warm, the crust is brown,", "its smell is all about the town."),
    "a bridge": ("A bridge leans out from shore to shore,", "two towns are neighbors, strangers no more."),
    "books": ("My books stand waiting on the shelf,", "I find the world there, and myself."),
    "time": ("Time is a thief with gentle hands,", "he turns our castles into sands."),
    "a small bird": ("A small bird practiced just one song", "and sang it bravely all day long."),
}
# two lines that close any poem
CLOSINGS = (
    ("So sit with me and stay a while,", "and let the evening make us smile."),
    ("I keep this picture in my mind,", "the best of gifts that I could find."),
    ("And when the day has gone to rest,", "I think of this and feel so blessed."),
    ("I need no crown, I need no gold,", "this little joy is mine to hold."),
    ("The world may hurry, loud and fast,", "but quiet things like this will last."),
)

# hero -> where it lives
HOMES = {
    "lion": "on a wide plain", "tiger": "in a deep jungle", "elephant": "near a muddy river",
    "horse": "on a windy farm", "rabbit": "under an old oak", "wolf": "in a dark forest",
    "bear": "in a cave full of honey", "fox": "behind a vineyard", "deer": "in a misty valley",
    "monkey": "in the top of a palm tree", "zebra": "by a quiet lake", "giraffe": "among the tallest trees",
    "eagle": "on a rocky peak", "owl": "in the tower of a church", "parrot": "on a sunny island",
    "sparrow": "on the roof of a school", "penguin": "at the edge of the ice", "swan": "on a castle pond",
    "crow": "on a lonely scarecrow", "pigeon": "at the railway station",
}  # fmt: skip
# trait -> how the story ends; {name} is the hero
ENDINGS = {
    "brave": "Since that day, whoever is in danger calls for {name}.",
    "shy": "Since that day, {name} has not been shy anymore.",
    "clever": "Even the old owl came to ask {name} for advice.",
    "lazy": "Then {name} lay down and slept for three days.",
    "curious": "But {name} was already looking for the next secret.",
    "tiny": "And everyone agreed that nobody was greater than tiny {name}.",
    "lonely": "From then on, {name} was never alone again.",
    "kind": "And all who met {name} became a little kinder, too.",
    "proud": "So {name} learned that joy is larger when you share it.",
    "noisy": "For the first time in years, {name} was silent with joy.",
    "gentle": "And {name} sang the little ones to sleep with the story.",
    "hungry": "There was a feast, and {name} was not hungry for a week.",
}
# find -> what the hero did with it
DEEDS = {
    "golden key": "opened a door in the hill with it. Behind it lay a garden where it was always summer",
    "magic lamp": "rubbed it three times. Out came a friendly spirit who granted one wish",
    "lost map": "followed its red line all day. It led to a spring of clear water that all could share",
    "silver bell": "rang it at midnight. All the animals who had lost their way heard it and came home",
    "dusty book": "read it from the first page to the last. It knew the names of all the stars",
    "red balloon": "held on to its string. It rose above the clouds and came down in a land of friends",
    "shiny stone": "put it beside the path. At night it glowed and showed travelers the way",
    "broken clock": "repaired it with patience. When it struck again, the whole village danced",
    "warm blanket": "gave half of it to a cold stranger. The stranger was a king in disguise",
    "secret door": "knocked on it politely. A very old mouse opened it and served tea and cake",
    "wooden flute": "learned to play it. Even the storm stopped to listen",
    "paper crown": "wore it for a day. Then it was passed on, so that everybody could be king once",
}

# occasion -> (first line of a card, wish)
OCCASIONS = {
    "birthday": ("Happy birthday!", "May the new year of your life be full of joy."),
    "wedding": ("Congratulations on your wedding!", "May you laugh together every day."),
    "graduation": ("You have done it!", "May all your work be rewarded now."),
    "retirement": ("Enjoy your retirement!", "Now every day is a Sunday."),
    "new job": ("Good luck in your new job!", "They are lucky to have you."),
    "new home": ("Welcome to your new home!", "May it always be full of friends."),
    "Christmas": ("Merry Christmas!", "May the house be warm and the table full."),
    "thank-you": ("Thank you for everything!", "We could not have done it without you."),
    "get-well": ("Get well soon!", "May you feel a little better every day."),
    "farewell": ("We will miss you!", "May the road be kind to you."),
}
# hobby -> what one wishes to somebody who has it
HOBBIES = {
    "gardening": "warm rain and big tomatoes", "painting": "bright colors and good light",
    "cooking": "sharp knives and hungry guests", "fishing": "calm water and big fish",
    "reading": "thick books and long evenings", "running": "dry roads and light feet",
    "singing": "a clear voice and loud applause", "dancing": "good music and soft shoes",
    "hiking": "blue skies and quiet paths", "chess": "clever moves and fair rivals",
    "sailing": "fresh wind and safe harbors", "baking": "warm ovens and sweet cakes",
    "knitting": "soft wool and no lost stitches", "photography": "golden light and steady hands",
    "cycling": "wind at your back and no flat tires", "music": "new songs and old friends to play with",
    "travel": "open doors and light suitcases", "soccer": "green grass and late goals",
}  # fmt: skip

# shop -> two slogans
SLOGANS = {
    "bakery": ("warm bread, warm hearts", "we rise before the sun"),
    "bookshop": ("a new world on every page", "come for a book, stay for a chapter"),
    "flower shop": ("say it in full bloom", "every day needs a little color"),
    "bike shop": ("two wheels, no limits", "we keep you rolling"),
    "coffee house": ("good mornings, one cup at a time", "wake up and stay a while"),
    "garage": ("we know what your car is saying", "back on the road by tonight"),
    "hair salon": ("walk in tired, walk out new", "cut with care"),
    "toy store": ("where big smiles start small", "play is serious business"),
    "pizzeria": ("a slice of happiness", "thin crust, big heart"),
    "shoe shop": ("every journey starts here", "put your best foot forward"),
    "music school": ("find your own sound", "from the first note to the last bow"),
    "travel agency": ("pack your bag, we do the rest", "the world is waiting"),
    "gym": ("stronger every day", "sweat now, smile later"),
    "tea room": ("time for a quiet cup", "steep slowly, live well"),
    "pet shop": ("friends for life", "all tails are welcome"),
    "candy store": ("a little sweetness every day", "life is short, have two"),
    "barber shop": ("sharp cuts, good stories", "look good, feel good"),
    "grocery store": ("fresh from the field to your fork", "good food around the corner"),
    "hotel": ("sleep like a king", "your home far from home"),
    "garden center": ("grow something good", "where green thumbs meet"),
}
