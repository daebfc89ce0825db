"""Others: translation into three languages, opposites."""

from random import Random

from fledgling.family import Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import words

# -- translation -------------------------------------------------------------------------------------------------------

LANGUAGES = ("Spanish", "French", "German")

# noun -> Spanish with article and gender, French with article and gender, German with article
NOUNS = {
    "window": ("la ventana", "f", "la fenêtre", "f", "das Fenster"),
    "train": ("el tren", "m", "le train", "m", "der Zug"),
    "lamp": ("la lámpara", "f", "la lampe", "f", "die Lampe"),
    "horse": ("el caballo", "m", "le cheval", "m", "das Pferd"),
    "bottle": ("la botella", "f", "la bouteille", "f", "die Flasche"),
    "coat": ("el abrigo", "m", "le manteau", "m", "der Mantel"),
    "house": ("la casa", "f", "la maison", "f", "das Haus"),
    "book": ("el libro", "m", "le livre", "m", "das Buch"),
    "car": ("el coche", "m", "la voiture", "f", "das Auto"),
    "cat": ("el gato", "m", "le chat", "m", "die Katze"),
    "dog": ("el perro", "m", "le chien", "m", "der Hund"),
    "table": ("la mesa", "f", "la table", "f", "der Tisch"),
    "door": ("la puerta", "f", "la porte", "f", "die Tür"),
    "flower": ("la flor", "f", "la fleur", "f", "die Blume"),
    "hat": ("el sombrero", "m", "le chapeau", "m", "der Hut"),
    "bird": ("el pájaro", "m", "l'oiseau", "m", "der Vogel"),
    "shirt": ("la camisa", "f", "la chemise", "f", "das Hemd"),
    "boat": ("el barco", "m", "le bateau", "m", "das Boot"),
    "chair": ("la silla", "f", "la chaise", "f", "der Stuhl"),
    "key": ("la llave", "f", "la clé", "f", "der Schlüssel"),
    "apple": ("la manzana", "f", "la pomme", "f", "der Apfel"),
    "fish": ("el pez", "m", "le poisson", "m", "der Fisch"),
    "cup": ("la taza", "f", "la tasse", "f", "die Tasse"),
    "bag": ("la bolsa", "f", "le sac", "m", "die Tasche"),
}
# color -> Spanish m, f; French m, f; German after a definite article
COLORS = {
    "red": ("rojo", "roja", "rouge", "rouge", "rote"),
    "white": ("blanco", "blanca", "blanc", "blanche", "weiße"),
    "black": ("negro", "negra", "noir", "noire", "schwarze"),
    "green": ("verde", "verde", "vert", "verte", "grüne"),
    "blue": ("azul", "azul", "bleu", "bleue", "blaue"),
    "yellow": ("amarillo", "amarilla", "jaune", "jaune", "gelbe"),
    "gray": ("gris", "gris", "gris", "grise", "graue"),
    "brown": ("marrón", "marrón", "marron", "marron", "braune"),
}
PHRASES = {
    "good evening": ("buenas tardes", "bonsoir", "guten Abend"),
    "goodbye": ("adiós", "au revoir", "auf Wiedersehen"),
    "yes, please": ("sí, por favor", "oui, s'il vous plaît", "ja, bitte"),
    "no, thank you": ("no, gracias", "non, merci", "nein, danke"),
    "welcome": ("bienvenidos", "bienvenue", "willkommen"),
    "I am thirsty": ("tengo sed", "j'ai soif", "ich habe Durst"),
    "have a good trip": ("buen viaje", "bon voyage", "gute Reise"),
    "enjoy your meal": ("buen provecho", "bon appétit", "guten Appetit"),
    "good morning": ("buenos días", "bonjour", "guten Morgen"),
    "thank you": ("gracias", "merci", "danke"),
    "good night": ("buenas noches", "bonne nuit", "gute Nacht"),
    "where is the station": ("dónde está la estación", "où est la gare", "wo ist der Bahnhof"),
    "I am hungry": ("tengo hambre", "j'ai faim", "ich habe Hunger"),
    "see you tomorrow": ("hasta mañana", "à demain", "bis morgen"),
    "how are you": ("cómo estás", "comment ça va", "wie geht es dir"),
    "I do not understand": ("no entiendo", "je ne comprends pas", "ich verstehe nicht"),
    "happy birthday": ("feliz cumpleaños", "joyeux anniversaire", "alles Gute zum Geburtstag"),
    "please help me": ("por favor, ayúdame", "aidez-moi, s'il vous plaît", "bitte hilf mir"),
    "I love you": ("te quiero", "je t'aime", "ich liebe dich"),
    "what time is it": ("qué hora es", "quelle heure est-il", "wie spät ist es"),
    "I am tired": ("estoy cansado", "je suis fatigué", "ich bin müde"),
    "it is cold today": ("hoy hace frío", "il fait froid aujourd'hui", "heute ist es kalt"),
}


def colored(noun: str, color: str) -> tuple[str, str, str]:
    """`the red house` in the three languages."""
    spanish, spanish_gender, french, french_gender, german = NOUNS[noun]
    es_m, es_f, fr_m, fr_f, de = COLORS[color]
    article, german_noun = german.split()
    return (
        f"{spanish} {es_f if spanish_gender == 'f' else es_m}",
        f"{french} {fr_f if french_gender == 'f' else fr_m}",
        f"{article} {de} {german_noun}",
    )


COLORED = {f"the {color} {noun}": colored(noun, color) for noun in NOUNS for color in COLORS}
TRANSLATIONS = COLORED | PHRASES
LANGUAGE = one_of(LANGUAGES, "[a-z]+")


def draw_translation(rng: Random) -> Slots:
    phrase = rng.choice(list(COLORED if rng.random() < 0.75 else PHRASES))
    return {"phrase": phrase, "language": rng.choice(LANGUAGES)}


def translation(slots: Slots, language: str) -> str:
    return TRANSLATIONS[slots["phrase"]][LANGUAGES.index(language)]


def reply_translation(slots: Slots, language: str) -> str:
    return f'In {language}, "{slots["phrase"]}" is "{translation(slots, language)}".'


AND_IN = FollowUp(
    form=Form(
        (
            "And in {language}?",
            "How about in {language}?",
            "What is it in {language}?",
            "Now in {language}, please.",
            "Thanks. And how do they say it in {language}?",
        ),
        {"language": LANGUAGE},
    ),
    draw=lambda first, rng: {"language": rng.choice([x for x in LANGUAGES if x != first["language"]])},
    reply=lambda first, own: reply_translation(first, own["language"]),
)

TRANSLATE = Family(
    name="translate",
    category="Others",
    form=Form(
        (
            'Translate "{phrase}" into {language}.',
            'How do you say "{phrase}" in {language}?',
            'What is "{phrase}" in {language}?',
            'Please translate this into {language}: "{phrase}"',
            'I am learning {language}. What does "{phrase}" become?',
            'What is the {language} for "{phrase}"?',
            'My friend speaks {language}. How do I tell her "{phrase}"?',
            'Can you put "{phrase}" into {language}?',
            'I need the {language} translation of "{phrase}".',
            'We are traveling and nobody speaks English. How do I say "{phrase}" in {language}?',
            'My {language} homework: translate "{phrase}".',
            'Which words mean "{phrase}" in {language}?',
            'How would a person write "{phrase}" in {language}?',
            'I forgot my {language}. What was "{phrase}" again?',
            'Give me "{phrase}" in {language}, please.',
            'If I want to say "{phrase}" in {language}, what are the words?',
        ),
        {"phrase": one_of(list(TRANSLATIONS), r"[^\"\n]+"), "language": LANGUAGE},
    ),
    draw=draw_translation,
    reply=lambda slots, _: reply_translation(slots, slots["language"]),
    follow_ups=(AND_IN,),
    weight=1.3,
    intent="to have a phrase translated",
    knowledge="knowledge of Spanish, French and German",
    difficulty=lambda slots: "medium" if slots["phrase"] in COLORED else "easy",
)

# -- opposites ---------------------------------------------------------------------------------------------------------

PAIRS = dict(
    pair.split(":")
    for pair in words(
        "hot:cold big:small fast:slow happy:sad early:late full:empty hard:soft old:young rich:poor strong:weak "
        "tall:short thick:thin wet:dry light:dark loud:quiet clean:dirty open:closed safe:dangerous brave:afraid "
        "deep:shallow easy:difficult wide:narrow high:low sharp:dull sweet:bitter cheap:expensive smooth:rough "
        "ancient:modern begin:end buy:sell give:take push:pull laugh:cry win:lose love:hate remember:forget "
        "arrive:leave accept:refuse lend:borrow inside:outside above:below before:after always:never"
    )
)
OPPOSITES = PAIRS | {second: first for first, second in PAIRS.items()}
WORD = one_of(list(OPPOSITES), "[a-z]+")


PURPOSES = (
    "a crossword", "my homework", "a poem", "a word game", "a quiz", "a lesson", "a song", "a speech", "a story",
    "a vocabulary test", "a children's book", "a letter",
)  # fmt: skip
OPPOSITE_SLOTS = {"word": WORD, "purpose": one_of(PURPOSES)}


def reply_opposite(slots: Slots) -> str:
    return f'The opposite of "{slots["word"]}" is "{OPPOSITES[slots["word"]]}".'


AND_OF = FollowUp(
    form=Form(
        (
            'And of "{word}"?',
            'What about "{word}"?',
            'And the opposite of "{word}"?',
            'Now the same for "{word}", please.',
            'I also need the opposite of "{word}".',
        ),
        {"word": WORD},
    ),
    draw=lambda _, rng: {"word": rng.choice(list(OPPOSITES))},
    reply=lambda _, own: reply_opposite(own),
)

OPPOSITE = Family(
    name="opposite",
    category="Others",
    form=Form(
        (
            "What is the opposite of {word}? I need it for {purpose}.",
            'Give me the opposite of the word "{word}" for {purpose}.',
            "What is an antonym of {word}? It is for {purpose}.",
            'For {purpose} I am looking for a word that means the opposite of "{word}".',
            'I need a word that is the opposite of "{word}" for {purpose}.',
            "Tell me the opposite of {word}, please. I want to use it in {purpose}.",
            'I am working on {purpose}. Which word is the opposite of "{word}"?',
            'Quick, what is the opposite of "{word}"? I am stuck with {purpose}.',
            'In {purpose} I want to say the opposite of "{word}". What word fits?',
            'Can you help me with {purpose}? I cannot find the opposite of "{word}".',
            'Which word should stand against "{word}" in {purpose}? I want the opposite.',
            "My daughter needs the opposite of {word} for {purpose}.",
            'What do I write in {purpose} if I mean the opposite of "{word}"?',
            'There is a gap in {purpose}. It asks for the opposite of "{word}".',
            'Name the opposite of "{word}", as it could stand in {purpose}.',
            "I know the word {word}, but for {purpose} I need its opposite.",
        ),
        OPPOSITE_SLOTS,
    ),
    draw=draw_each(OPPOSITE_SLOTS),
    reply=lambda slots, _: reply_opposite(slots),
    follow_ups=(AND_OF,),
    weight=0.7,
    intent="to know the opposite of a word",
    knowledge="knowledge of English words",
    difficulty=lambda _: "very easy",
)

FAMILIES = (TRANSLATE, OPPOSITE)
