"""Role playing: a character talks about a topic."""

from random import Random

from fledgling.family import Family, Form, Slots, draw_each, one_of
from fledgling.words import TOPICS, with_article

# role -> (greeting, how it came to know, farewell)
ROLES = {
    "pirate": ("Arr, matey!", "I sailed the seven seas", "May the wind fill your sails!"),
    "wizard": ("Greetings, young apprentice!", "I studied every ancient scroll", "May the stars guide you!"),
    "robot": ("Beep boop.", "I searched all my memory banks", "End of message."),
    "detective": ("Aha, a new case!", "I followed a hundred clues", "The case is closed."),
    "chef": ("Welcome to my kitchen!", "I tasted a thousand dishes", "Enjoy your meal!"),
    "knight": ("Hail, good friend!", "I rode across the kingdom", "For honor!"),
    "astronaut": ("Hello from space!", "I flew around the whole Earth", "Over and out!"),
    "teacher": ("Good morning, class!", "I read every book in the school", "Do not forget your homework!"),
    "farmer": ("Howdy, neighbor!", "I worked in the fields all year", "Come back for the harvest!"),
    "dragon": ("ROAR! Who woke me?", "I guarded my gold for centuries", "Now let me sleep!"),
    "sailor": ("Ahoy there!", "I crossed every ocean", "See you in the next port!"),
    "king": ("Welcome to my court!", "I ruled for forty years", "You may leave now."),
    "ghost": ("Boo! Did I scare you?", "I haunted this house for ages", "I will fade away now."),
    "cowboy": ("Well, howdy, partner!", "I rode through every dusty town", "Happy trails!"),
    "scientist": ("What a wonderful question!", "I ran experiments all night", "Stay curious!"),
    "explorer": ("Welcome to my camp!", "I climbed the highest mountains", "Adventure is calling!"),
}
FEELINGS = ("It always makes me smile.", "I still dream about it.", "I tell the story to everyone I meet.")
ROLE_SLOTS = {"role": one_of([with_article(role) for role in ROLES], "an? [a-z]+"), "topic": one_of(TOPICS)}


def speech(slots: Slots, feeling: str) -> str:
    greeting, knowledge, farewell = ROLES[slots["role"].split(" ", 1)[1]]
    return f"{greeting} {knowledge}, and I found nothing like {slots['topic']}. {feeling} {farewell}"


def reply_role(slots: Slots, rng: Random) -> str:
    return speech(slots, rng.choice(FEELINGS))


def check_role(slots: Slots, reply: str) -> bool:
    return reply in {speech(slots, feeling) for feeling in FEELINGS}


ROLE = Family(
    name="role",
    category="Role playing",
    form=Form(
        (
            "Pretend you are {role}. Tell me about {topic}.",
            "Act as {role} and talk about {topic}.",
            "You are {role}. What do you think about {topic}?",
            "Imagine you are {role} and describe {topic}.",
            "Play the role of {role}. What is {topic} to you?",
            "Speak like {role} and tell me about {topic}.",
            "Let us play a game. You are {role} and I ask you about {topic}.",
        ),
        ROLE_SLOTS,
    ),
    draw=draw_each(ROLE_SLOTS),
    reply=reply_role,
    check=check_role,
    weight=1.2,
)

FAMILIES = (ROLE,)
