"""Vocabulary that several families share. Knows no family."""


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = words(
    "Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Maria Noah Olivia Peter Rosa Sam Tina Umar "
    "Vera Will Yara Zoe Liam Mia Omar Lucy Hugo Nina Paul Ruby Tom Ella Max Julia Ivan Sara Amir Lena "
    "Oscar Alice Simon Laura Daniel Eva Martin Hannah Victor Diana"
)

ITEMS = words(
    "apples books pencils marbles coins stickers cookies oranges cards flowers shells balloons eggs candles stamps "
    "bottles toys cupcakes tickets keys buttons ribbons pears lemons postcards magnets peaches stones"
)

DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

MONTHS = words("January February March April May June July August September October November December")

CITIES = words(
    "Paris Rome Tokyo London Madrid Lisbon Berlin Vienna Athens Cairo Sydney Boston Chicago Toronto Dublin Prague "
    "Oslo Seoul Lima Amsterdam Venice Barcelona Munich Istanbul Montreal Singapore Stockholm Budapest"
)

# kind -> (one of them, members)
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "fruits": ("a fruit", words("apple banana cherry grape lemon mango orange peach pear plum kiwi melon")),
    "vegetables": (
        "a vegetable",
        words("carrot potato onion spinach broccoli cabbage celery lettuce pumpkin radish turnip leek"),
    ),
    "animals": ("an animal", words("lion tiger elephant horse rabbit wolf bear fox deer monkey zebra giraffe")),
    "birds": ("a bird", words("eagle owl parrot sparrow penguin swan robin crow pigeon falcon")),
    "colors": ("a color", words("red blue green yellow purple white black brown pink gray")),
    "tools": ("a tool", words("hammer saw drill wrench shovel ladder rake pliers chisel axe")),
    "sports": ("a sport", words("soccer tennis basketball hockey baseball rugby golf boxing rowing skiing")),
    "instruments": (
        "an instrument",
        words("piano guitar violin drum flute trumpet harp cello clarinet banjo"),
    ),
    "pieces of clothing": ("a piece of clothing", words("shirt jacket scarf hat glove sock coat dress belt sweater")),
    "pieces of furniture": (
        "a piece of furniture",
        words("table chair sofa desk bed shelf cabinet bench stool dresser"),
    ),
    "jobs": ("a job", words("teacher doctor nurse farmer baker pilot lawyer chef painter engineer")),
    "vehicles": ("a vehicle", words("car bus train bicycle truck boat airplane tram helicopter van")),
    "flowers": ("a flower", words("rose tulip daisy lily violet orchid poppy iris lavender sunflower")),
    "drinks": ("a drink", words("water tea coffee milk juice lemonade cocoa soda cider beer")),
}

# what poems and characters speak of -> something true to say of it
TOPICS = {
    "the sea": "It is deep and full of secrets.", "the moon": "It looks different every night.",
    "a river": "It never stops on its way.", "the rain": "It makes everything smell new.",
    "autumn": "It turns the whole forest to gold.", "the stars": "They have seen everything before us.",
    "a garden": "It rewards everyone who is patient.", "winter": "It makes the world quiet and white.",
    "the wind": "It knows every road and stays on none.", "a forest": "It is never as silent as it seems.",
    "coffee": "It wakes even the sleepiest head.", "friendship": "It grows when you share it.",
    "a black cat": "It goes exactly where it wants to go.", "a mountain": "It makes every visitor feel small.",
    "the sun": "It shines for kings and beggars alike.", "music": "It says what words cannot say.",
    "snow": "It covers everything with one soft blanket.", "a night train": "It carries strangers to new mornings.",
    "home": "It is wherever somebody waits for you.", "hope": "It is small, but it does not go out.",
    "a lighthouse": "It shows the way and asks for nothing.", "the night": "It belongs to owls and dreamers.",
    "an old letter": "It keeps a voice that has long been gone.", "an old tree": "It has more stories than any book.",
    "spring": "It comes back, however long you wait.", "the desert": "It hides its water well.",
    "a quiet street": "It remembers every step.", "bread": "It tastes best when you share it.",
    "a bridge": "It brings two sides together.", "books": "They open doors in every wall.",
    "time": "It runs when you want it to stay.", "a small bird": "It sings as if nobody listened.",
}  # fmt: skip

NUMBER_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5}


def with_article(word: str) -> str:
    return ("an " if word[0] in "aeiou" else "a ") + word


def sentence(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[0].upper() + text[1:]


def comma_and(words: list[str]) -> str:
    """a, b and c"""
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
