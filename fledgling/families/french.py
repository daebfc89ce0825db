"""French, prompt and reply: a story sum, a day in a city."""

from random import Random

from fledgling.family import NUMBER, Difficulty, Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.steps import add_steps, subtract_steps
from fledgling.words import words

# -- a story sum -------------------------------------------------------------------------------------------------------

NAMES = words(
    "Marie Pierre Julie Nicolas Camille Louis Sophie Paul Claire Hugo Manon Lucas Jeanne Thomas Nadia Karim Chloé "
    "Simon Laura Martin Sarah Victor Rosa Daniel"
)
ITEMS = words(
    "pommes livres crayons billes fleurs cartes timbres ballons gâteaux bonbons poires citrons clés bougies photos "
    "stylos perles tasses tomates cahiers"
)
GAINS, LOSSES = words("achète trouve reçoit gagne"), words("perd vend donne prête")
STORY_SLOTS = {
    "name": one_of(NAMES, r"\w+"),
    "a": NUMBER,
    "items": one_of(ITEMS, r"\w+"),
    "change": one_of(GAINS + LOSSES, r"\w+"),
    "b": NUMBER,
}


def draw_story(rng: Random) -> Slots:
    name, items = rng.choice(NAMES), rng.choice(ITEMS)
    change = rng.choice(GAINS + LOSSES)
    a = rng.randint(5, 80)
    b = rng.randint(2, 60 if change in GAINS else a - 2)
    return {"name": name, "a": str(a), "items": items, "change": change, "b": str(b)}


def left_over(slots: Slots) -> int:
    a, b = int(slots["a"]), int(slots["b"])
    return a + b if slots["change"] in GAINS else a - b


def reply_story(slots: Slots, _: Random) -> str:
    a, b = int(slots["a"]), int(slots["b"])
    steps = add_steps(a, b) if slots["change"] in GAINS else subtract_steps(a, b)
    what = "additionne" if slots["change"] in GAINS else "soustrait"
    end = f"{slots['name']} a maintenant {left_over(slots)} {slots['items']}."
    return f"On {what} : {steps.replace(', and', ' et')}. {end}"


def steps_of_story(slots: Slots) -> Difficulty:
    return "easy" if slots["change"] in GAINS else "medium"


STORY = Family(
    name="french_story_sum",
    category="Reasoning",
    language="French",
    form=Form(
        (
            "{name} a {a} {items} et {change} {b} {items}. Combien de {items} reste-t-il à la fin ?",
            "{name} a {a} {items}, puis {change} {b} {items}. Combien de {items} cela fait-il ?",
            "Si {name} a {a} {items} et {change} {b} {items}, combien de {items} y a-t-il à la fin ?",
            "Bonjour ! {name} a {a} {items} et {change} {b} {items}. Combien de {items} en tout ?",
            "Un petit problème : {name} a {a} {items} et {change} {b} {items}. Quel est le résultat ?",
            "Ce matin, {name} a {a} {items}. Ensuite {name} {change} {b} {items}. Combien de {items} maintenant ?",
            "Aide-moi, s'il te plaît. {name} a {a} {items} et {change} {b} {items}. Combien de {items} maintenant ?",
            "Combien de {items} a {name} à la fin, avec {a} {items} au début, si {name} {change} {b} {items} ?",
            "Mon fils cherche la réponse : {name} a {a} {items} et {change} {b} {items}. Peux-tu l'aider ?",
            "Résous ce problème : {name} a {a} {items} et {change} {b} {items}.",
            "Dans le sac de {name}, il y a {a} {items}. {name} {change} {b} {items}. Combien de {items} maintenant ?",
            "{name} a d'abord {a} {items}, puis {change} {b} {items}. Que reste-t-il maintenant ?",
            "Voici mon devoir de maths : {name} a {a} {items} et {change} {b} {items}. Quelle est la réponse ?",
            "Je ne sais pas comment faire. {name} a {a} {items} et {change} {b} {items}. Combien en tout ?",
            "Peux-tu calculer ? {name} a {a} {items} et {change} {b} {items}.",
        ),
        STORY_SLOTS,
    ),
    draw=draw_story,
    reply=reply_story,
    sensible=lambda slots: left_over(slots) > 1,
    weight=0.6,
    intent="to solve a small story problem, in French",
    knowledge="addition, subtraction and French",
    difficulty=steps_of_story,
)

# -- a day in a city ---------------------------------------------------------------------------------------------------

CITIES = (
    "Paris", "Lyon", "Nice", "Lille", "Bordeaux", "Nantes", "Toulouse", "Strasbourg", "Marseille", "Genève",
    "Bruxelles", "Québec", "Rome", "Madrid", "Lisbonne", "Berlin", "Vienne", "Prague", "Dublin", "Londres",
)  # fmt: skip
# interest -> morning, afternoon, when it rains
INTERESTS = {
    "la musique": ("entrez chez un disquaire", "écoutez un concert en plein air", "visitez l'opéra"),
    "la peinture": ("visitez le musée des beaux-arts", "dessinez au bord de l'eau", "restez plus longtemps au musée"),
    "la cuisine": ("goûtez les produits du marché", "prenez un cours de cuisine", "essayez une bonne pâtisserie"),
    "la nature": ("promenez-vous dans un grand parc", "louez un petit bateau", "visitez une serre"),
    "le sport": ("louez un vélo", "regardez un match", "nagez à la piscine"),
    "la lecture": ("cherchez des livres d'occasion", "lisez dans un jardin", "visitez la bibliothèque"),
    "le cinéma": ("visitez un vieux cinéma", "voyez un film en version originale", "voyez deux films"),
    "la photo": ("photographiez les ponts", "attendez le coucher du soleil", "regardez une exposition de photos"),
    "le théâtre": ("visitez le grand théâtre", "regardez les artistes de rue", "réservez une place pour le soir"),
    "la danse": ("regardez les danseurs sur la place", "prenez un cours de danse", "allez voir un ballet"),
    "le calme": ("prenez un café sur une petite place", "marchez le long de l'eau", "entrez dans une église"),
    "le jardinage": ("visitez le jardin botanique", "achetez des fleurs au marché", "visitez une serre"),
}  # fmt: skip
COMPANY = (
    "ma sœur", "mon frère", "mes parents", "mes enfants", "une amie", "un ami", "ma mère", "mon père", "ma classe",
    "mon mari", "ma femme", "mes collègues",
)  # fmt: skip
YOURS = {"ma ": "votre ", "mon ": "votre ", "mes ": "vos "}
DAY_SLOTS = {"city": one_of(CITIES, r"\w+"), "interest": one_of(list(INTERESTS)), "company": one_of(COMPANY)}


def yours(company: str) -> str:
    """mes parents -> vos parents"""
    first, rest = company.split(" ")
    return YOURS.get(f"{first} ", f"{first} ") + rest


def reply_day(slots: Slots) -> str:
    morning, afternoon, _ = INTERESTS[slots["interest"]]
    return (
        f"Voici une journée à {slots['city']} avec {yours(slots['company'])}.\nLe matin : {morning}.\n"
        f"L'après-midi : {afternoon}.\nLe soir : dînez dans un petit restaurant. Bon voyage !"
    )


IF_IT_RAINS = FollowUp(
    form=Form(
        (
            "Et s'il pleut ?",
            "Que faire s'il pleut ?",
            "Et si le temps est mauvais ?",
            "Merci ! Et en cas de pluie ?",
            "Que peut-on faire quand il pleut ?",
        )
    ),
    reply=lambda first, _: f"S'il pleut à {first['city']}, {INTERESTS[first['interest']][2]}.",
)

DAY = Family(
    name="french_day",
    category="Planning",
    language="French",
    form=Form(
        (
            "Que faire à {city} en une journée avec {company} ? Nous aimons {interest}.",
            "Je vais à {city} avec {company}. Nous aimons {interest}. Peux-tu préparer une journée ?",
            "Prépare une journée à {city} pour {company} et moi. Nous aimons {interest}.",
            "Bonjour ! Nous aimons {interest}. Que peut-on voir à {city} avec {company} ?",
            "Demain, je suis à {city} avec {company}. Un programme pour qui aime {interest}, s'il te plaît.",
            "Donne-moi un programme à {city} avec {company}. Le thème, c'est {interest}.",
            "J'aime {interest} et je visite {city} avec {company}. As-tu des idées pour la journée ?",
            "Comment passer une belle journée à {city} avec {company}, quand on aime {interest} ?",
            "Avec {company}, je passe samedi à {city}. Nous aimons surtout {interest}. Que faire ?",
            "Aide-moi à organiser une journée à {city} avec {company}. On aime {interest}.",
            "Une journée à {city} avec {company} : que proposes-tu si on aime {interest} ?",
            "Il me faut un plan pour {city} : une journée, {company} et moi, et nous aimons {interest}.",
            "Quel programme conseilles-tu à {city} ? Je viens avec {company} et nous aimons {interest}.",
            "Propose une journée à {city} avec {company}, avec un peu de temps pour {interest}.",
            "Nous avons un seul jour à {city}. Je viens avec {company} et j'aime {interest}. Que faire ?",
        ),
        DAY_SLOTS,
    ),
    draw=draw_each(DAY_SLOTS),
    reply=lambda slots, _: reply_day(slots),
    follow_ups=(IF_IT_RAINS,),
    weight=0.6,
    intent="to plan a day in a city, in French",
    knowledge="knowledge of what one does in a city, and French",
    difficulty=lambda _: "medium",
)

FAMILIES = (STORY, DAY)
