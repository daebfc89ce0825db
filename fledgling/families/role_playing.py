"""Role playing: a character talks about a topic, a seller serves a customer, somebody holds a job interview."""

from random import Random

from fledgling.family import NUMBER, Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import ITEMS, NAMES, TOPICS, with_article

NAME = one_of(NAMES, "[a-z]+")

# -- a character -------------------------------------------------------------------------------------------------------

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
    "queen": ("Rise, my loyal friend!", "I received guests from every land", "The court is dismissed."),
    "ghost": ("Boo! Did I scare you?", "I haunted this house for ages", "I will fade away now."),
    "cowboy": ("Well, howdy, partner!", "I rode through every dusty town", "Happy trails!"),
    "scientist": ("What a wonderful question!", "I ran experiments all night", "Stay curious!"),
    "explorer": ("Welcome to my camp!", "I climbed the highest mountains", "Adventure is calling!"),
    "mermaid": ("Splash! Come closer!", "I swam through every bay", "The waves call me home!"),
    "vampire": ("Good evening, my dear.", "I walked the night for three hundred years", "I must go before sunrise."),
    "gardener": ("Mind the roses, please!", "I dug in this soil all my life", "Remember to water the plants!"),
    "inventor": ("Quick, hold this wire!", "I built machines for everything", "Back to my workshop!"),
    "baker": ("Come in, it is warm here!", "I got up before dawn every day", "Take a roll for the road!"),
    "giant": ("Careful, little one, I almost stepped on you!", "I looked over every hill", "Mind my feet!"),
    "librarian": ("Shh, speak softly, please.", "I read all the shelves from A to Z", "Bring the book back in time!"),
}
ROLE_SLOTS = {"role": one_of([with_article(role) for role in ROLES], "an? [a-z]+"), "topic": one_of(list(TOPICS))}


def speech(slots: Slots) -> str:
    greeting, knowledge, farewell = ROLES[slots["role"].split(" ", 1)[1]]
    topic = slots["topic"]
    return f"{greeting} {knowledge}, and I found nothing like {topic}. {TOPICS[topic]} {farewell}"


ROLE = Family(
    name="role",
    category="Role playing",
    form=Form(
        (
            "Pretend you are {role}. Tell me about {topic}.",
            "Act as {role} and talk about {topic}.",
            "You are {role}. What do you think about {topic}?",
            "Imagine you are {role} and describe {topic}.",
            "Play the role of {role}. What comes to your mind about {topic}?",
            "Speak like {role} and tell me about {topic}.",
            "Let us play a game. You are {role} and I ask you about {topic}.",
            "What would {role} say about {topic}?",
            "I want to talk to {role} about {topic}. Can you play along?",
            "Be {role} for a minute. How do you feel about {topic}?",
            "We are acting out a play. You are {role}, and your line is about {topic}.",
            "Answer as {role}: what can you say about {topic}?",
            "In the voice of {role}, say something about {topic}.",
            "My children love {role}. Speak to them as one about {topic}.",
            "For the next minute you are {role}. Tell us what you know about {topic}.",
            "How would {role} describe {topic}? Stay in character, please.",
            "You meet me at a costume party as {role} and we talk about {topic}. What do you say?",
            "Write a few words about {topic}, spoken by {role}.",
        ),
        ROLE_SLOTS,
    ),
    draw=draw_each(ROLE_SLOTS),
    reply=lambda slots, _: speech(slots),
    weight=1.2,
    intent="to hear a character speak about a topic",
    knowledge="imagination and a consistent voice",
    difficulty=lambda _: "medium",
)

# -- a seller and a customer -------------------------------------------------------------------------------------------

# seller -> (greeting, praise of the goods, offer)
SELLERS = {
    "a shopkeeper": ("Good day", "They came in fresh this morning.", "Would you like a bag?"),
    "a market trader": ("Step closer", "You will find no better ones on this market!", "Shall I wrap them up?"),
    "an old merchant": ("Peace be with you", "They traveled a long way on my camels.", "Let us drink tea together."),
    "a fairy with a tiny shop": ("Welcome, dear", "I put a little magic on each of them.", "Please mind the low door."),
    "a grumpy seller": ("What now", "They are what they are.", "Close the door when you leave."),
    "a friendly salesman": ("How nice to see you", "You have excellent taste!", "Is there anything else?"),
    "a pirate who sells things": ("Ahoy", "They fell off a ship last night.", "And not a word to the captain!"),
    "a robot cashier": ("Customer detected. Hello", "Quality check: passed.", "Please take your receipt."),
    "a sleepy clerk": ("Oh, hello", "I counted them in my dreams.", "Now I need a little rest."),
    "a goblin at a night market": ("Psst", "Nobody else has such nice ones, hee hee!", "Come back at midnight!"),
    "a proud craftsman": ("Be welcome", "I made every one of them by hand.", "They will last a lifetime."),
    "a young shop assistant": ("Hi there", "They are very popular right now.", "Can I help you with anything else?"),
}
SELLER_SLOTS = {
    "seller": one_of(list(SELLERS)),
    "name": NAME,
    "n": NUMBER,
    "items": one_of(ITEMS, "[a-z]+"),
}


def draw_sale(rng: Random) -> Slots:
    return {
        "seller": rng.choice(list(SELLERS)),
        "name": rng.choice(NAMES),
        "n": str(rng.randint(2, 60)),
        "items": rng.choice(ITEMS),
    }


def serve(slots: Slots) -> str:
    greeting, praise, offer = SELLERS[slots["seller"]]
    return f"{greeting}, {slots['name']}! Here are your {slots['n']} {slots['items']}. {praise} {offer}"


HOW_GOOD = FollowUp(
    form=Form(
        (
            "Thank you. Goodbye!",
            "That is all for today. Goodbye!",
            "Wonderful. I have to go now.",
            "Thanks, see you next week!",
            "I will take them. Have a nice day!",
        )
    ),
    reply=lambda first, _: f"Goodbye, {first['name']}, and enjoy your {first['items']}!",
)

SELLER = Family(
    name="seller",
    category="Role playing",
    form=Form(
        (
            "You are {seller}. I am {name} and I would like to buy {n} {items}.",
            "Play {seller}. My name is {name} and I want {n} {items}.",
            "Pretend to be {seller} and sell me {n} {items}. I am {name}.",
            "Let us act: you are {seller}, I am {name}, and I ask for {n} {items}.",
            "I am {name}, a customer, and you are {seller}. Do you have {n} {items} for me?",
            "Role play: {seller} serves {name}, who needs {n} {items}.",
            "I want to practice shopping in English. You are {seller}, I am {name} and I need {n} {items}.",
            "Act as {seller}. Hello, I am {name}. Could I have {n} {items}, please?",
            "Imagine you are {seller} and {name} comes in for {n} {items}. What do you say?",
            "Be {seller} for me. I am called {name} and I have come for {n} {items}.",
            "Stay in character as {seller}. Your customer {name} orders {n} {items}.",
            "What does {seller} say to {name}, who buys {n} {items}?",
            "Scene: {seller} stands behind a counter. {name} asks for {n} {items}. You speak first.",
            "In our game you are {seller} and I am {name}. Give me {n} {items}!",
            "Speak as {seller}: {name} has just asked you for {n} {items}.",
        ),
        SELLER_SLOTS,
    ),
    draw=draw_sale,
    reply=lambda slots, _: serve(slots),
    sensible=lambda slots: int(slots["n"]) > 1,
    follow_ups=(HOW_GOOD,),
    weight=0.9,
    intent="to play a scene with a seller",
    knowledge="imagination and a consistent voice",
)

# -- a job interview ---------------------------------------------------------------------------------------------------

# job -> the question that only this job is asked
JOBS = {
    "baker": "what do you do when the bread comes out too dark",
    "nurse": "how do you calm a patient who is afraid",
    "pilot": "how do you prepare for a flight in bad weather",
    "waiter": "what do you say when a guest is not happy with the food",
    "teacher": "how do you explain fractions to a child",
    "gardener": "what do you plant in a shady place",
    "driver": "what do you do when you are stuck in traffic",
    "cook": "which dish do you make best",
    "librarian": "which book would you give to somebody who never reads",
    "mechanic": "how do you find out why an engine makes a strange noise",
    "journalist": "how do you check whether a story is true",
    "programmer": "how do you look for a bug that appears only once a day",
    "painter": "how do you choose a color for a small room",
    "receptionist": "how do you greet a guest who arrives very late",
    "farmer": "what do you do first on a cold morning",
    "photographer": "how do you make a shy person smile",
    "accountant": "how do you notice a mistake in a long table",
    "guard": "how do you stay awake during a long night",
    "translator": "what do you do with a word that has no translation",
    "tour guide": "how do you keep a group of thirty people together",
    "tailor": "how do you measure somebody who cannot stand still",
    "dentist": "how do you help people who are afraid of you",
    "architect": "how do you bring light into a dark house",
    "musician": "how do you deal with a mistake on the stage",
}
JOB_SLOTS = {"job": one_of([with_article(job) for job in JOBS], "an? [a-z ]+?"), "name": NAME}


def interview(slots: Slots) -> str:
    job = slots["job"]
    asked = JOBS[job.split(" ", 1)[1]]
    return f"Good morning, {slots['name']}, and thank you for coming. Why do you want to work as {job}? And {asked}?"


NEXT_QUESTION = FollowUp(
    form=Form(
        (
            "What is your next question?",
            "Please ask me something else.",
            "And the next question?",
            "I have answered that. What else do you want to know?",
            "Go on, ask me another one.",
        )
    ),
    reply=lambda first, _: f"Where do you see yourself as {first['job']} in five years, {first['name']}?",
)

INTERVIEW = Family(
    name="interview",
    category="Role playing",
    form=Form(
        (
            "You are my interviewer. I am {name} and I want to become {job}.",
            "Interview me for a job as {job}. My name is {name}.",
            "Let us practice a job interview. I am {name} and I applied as {job}.",
            "Pretend that I, {name}, am in an interview for a position as {job}. You ask the questions.",
            "My name is {name}. Tomorrow I have an interview as {job}. Can you play the boss?",
            "Act as a manager who needs {job}. The candidate is called {name}.",
            "Play the boss of a company and interview {name}, who would like to work as {job}.",
            "Role play: you hire {job} and {name} comes in. Start the interview.",
            "Be the recruiter. I am {name}, and the job is that of {job}.",
            "I am nervous. Can you play an interviewer for me? I am {name} and hope to work as {job}.",
            "What would a boss ask {name}, who wants to be {job}? Speak as the boss.",
            "Imagine you must find {job} for your company. I am {name}. Ask me something.",
            "Start a mock interview with me. Name: {name}. I want to be hired as {job}.",
            "You run a business and need {job}. {name} knocks on your door for the interview.",
            "Help me rehearse. You are the employer, I am {name}, and you are looking for {job}.",
        ),
        JOB_SLOTS,
    ),
    draw=draw_each({"job": JOB_SLOTS["job"], "name": NAME}),
    reply=lambda slots, _: interview(slots),
    follow_ups=(NEXT_QUESTION,),
    weight=0.9,
    intent="to rehearse a job interview",
    knowledge="knowledge of what interviewers ask",
)

FAMILIES = (ROLE, SELLER, INTERVIEW)
