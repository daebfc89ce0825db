"""German, prompt and reply: days of the week, ideas for an occasion."""

from random import Random

from fledgling.family import NUMBER, Difficulty, Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import words

NAMES = words(
    "Anna Ben Clara David Emma Felix Greta Hannes Ida Jonas Klara Leon Marie Nils Olga Paul Rosa Simon Tina Lukas "
    "Mia Oskar Lena Jakob Sophie Max"
)
NAME = one_of(NAMES, r"\w+")

# -- days of the week --------------------------------------------------------------------------------------------------

DAYS = words("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag")


def day_after(day: str, n: int) -> str:
    return DAYS[(DAYS.index(day) + n) % 7]


def reply_day(slots: Slots, _: Random) -> str:
    day, n = slots["day"], int(slots["n"])
    whole, rest = divmod(n, 7)
    passed = ", ".join(day_after(day, step) for step in range(1, rest + 1))
    end = f"{slots['name']} kommt am {day_after(day, n)}."
    if not whole:
        return f"Zählen wir ab {day}: {passed}. {end}"
    again = f"Nach {7 * whole} Tagen ist wieder {day}."
    return f"{again} Noch {rest} weiter: {passed}. {end}" if rest else f"{again} {end}"


def weeks_in_it(slots: Slots) -> Difficulty:
    return "easy" if int(slots["n"]) <= 7 else "medium"


WEEKDAY = Family(
    name="german_weekday",
    category="Reasoning",
    language="German",
    form=Form(
        (
            "Heute ist {day}. {name} kommt in {n} Tagen. Welcher Tag ist das?",
            "{name} kommt in {n} Tagen zu mir. Heute ist {day}. An welchem Tag kommt {name}?",
            "Wenn heute {day} ist und {name} in {n} Tagen kommt, welcher Tag ist das dann?",
            "Hallo! Heute ist {day} und in {n} Tagen besucht mich {name}. Welcher Wochentag ist das?",
            "In {n} Tagen kommt {name}. Welcher Tag ist dann, wenn heute {day} ist?",
            "Ich warte auf {name}. Es ist {day} und es dauert noch {n} Tage. Wann kommt {name}?",
            "Kannst du mir helfen? Heute haben wir {day}, und {name} kommt in {n} Tagen. Welcher Tag ist das?",
            "An welchem Wochentag kommt {name}, wenn heute {day} ist und es noch {n} Tage dauert?",
            "Mein Freund fragt, wann {name} kommt. Heute ist {day}, und es sind noch {n} Tage.",
            "Es sind noch {n} Tage, bis {name} kommt. Heute ist {day}. Welcher Tag wird das sein?",
            "Rechne bitte aus, an welchem Tag {name} kommt: heute ist {day}, und es sind noch {n} Tage.",
            "Wir freuen uns auf {name}. Heute ist {day}, noch {n} Tage. Welcher Tag ist das?",
            "Sag mir bitte: Heute ist {day}, {name} kommt in {n} Tagen. Wie heißt der Tag?",
            "Guten Tag! {name} kommt genau {n} Tage nach {day}. Welcher Wochentag ist das?",
            "Welcher Tag ist in {n} Tagen? Heute ist {day}, und dann kommt {name}.",
        ),
        {"day": one_of(DAYS, "[a-z]+"), "n": NUMBER, "name": NAME},
    ),
    draw=lambda rng: {"day": rng.choice(DAYS), "n": str(rng.randint(2, 16)), "name": rng.choice(NAMES)},
    reply=reply_day,
    sensible=lambda slots: 1 < int(slots["n"]) < 100,
    weight=0.6,
    intent="to know on which day of the week something is, in German",
    knowledge="the days of the week in German",
    difficulty=weeks_in_it,
)

# -- ideas for an occasion ---------------------------------------------------------------------------------------------

IDEAS = {
    "einen Geburtstag": ("eine Schatzsuche", "ein Picknick im Park", "ein Abend mit Musik", "ein Backwettbewerb"),
    "einen Regentag": ("Kekse backen", "ein Buch lesen", "ein Kartenspiel spielen", "ein Bild malen"),
    "ein freies Wochenende": ("eine Radtour", "ein Besuch im Zoo", "ein Tag am See", "eine Nacht im Zelt"),
    "ein schnelles Abendessen": ("eine Gemüsesuppe", "Nudeln mit Käse", "ein Omelett", "ein großer Salat"),
    "ein neues Hobby": ("Vögel beobachten", "Gitarre lernen", "Kerzen gießen", "Kräuter pflanzen"),
    "einen Ausflug": ("eine alte Burg", "ein Bauernhof", "ein Museum", "eine Fahrt mit dem Schiff"),
    "einen Winterabend": ("heiße Schokolade trinken", "einen Film sehen", "einen Schal stricken", "Briefe schreiben"),
    "einen Sommertag": ("im See baden", "Eis essen", "im Schatten lesen", "draußen grillen"),
    "ein kleines Fest": ("bunte Lampen", "ein Tanz im Garten", "ein Quiz", "ein langes Frühstück"),
    "ein Schulprojekt": ("ein Modell eines Vulkans", "ein Wettertagebuch", "ein kurzer Film", "eine Karte der Stadt"),
    "eine lange Zugfahrt": ("ein Hörbuch", "ein Rätselheft", "ein kleines Schachspiel", "ein gutes Gespräch"),
    "einen Spieleabend": ("ein Kartenspiel", "ein Quiz", "Schach", "Scharade"),
}
COUNTS = {"zwei": 2, "drei": 3}
WITH = (
    "meiner Schwester", "meinem Bruder", "meinen Eltern", "meinen Kindern", "meiner Klasse", "meinem Freund",
    "meiner Freundin", "meiner Mutter", "meinem Vater", "meinem Team",
)  # fmt: skip
IDEA_SLOTS = {
    "count": one_of(list(COUNTS), "[a-z]+"),
    "occasion": one_of(list(IDEAS)),
    "company": one_of((*WITH, *NAMES)),
}


def reply_ideas(slots: Slots) -> str:
    chosen = IDEAS[slots["occasion"]][: COUNTS[slots["count"]]]
    company = slots["company"].replace("mein", "dein")
    lines = "\n".join(f"{number}. {idea[0].upper()}{idea[1:]}" for number, idea in enumerate(chosen, start=1))
    return f"Hier sind {slots['count']} Ideen für {slots['occasion']} mit {company}:\n{lines}"


ONE_MORE = FollowUp(
    form=Form(
        (
            "Hast du noch eine Idee?",
            "Noch eine, bitte.",
            "Und was noch?",
            "Fällt dir noch etwas ein?",
            "Danke! Eine mehr wäre schön.",
        )
    ),
    reply=lambda first, _: f"Noch eine Idee: {IDEAS[first['occasion']][COUNTS[first['count']]]}.",
)

BRAINSTORM = Family(
    name="german_ideas",
    category="Brainstorming",
    language="German",
    form=Form(
        (
            "Gib mir {count} Ideen für {occasion} mit {company}.",
            "Ich brauche {count} Ideen für {occasion} mit {company}.",
            "Hast du {count} Ideen für {occasion} mit {company}?",
            "Hallo, ich plane {occasion} mit {company}. Kannst du mir {count} Ideen geben?",
            "Was sind {count} gute Ideen für {occasion} mit {company}?",
            "Nenne mir bitte {count} Ideen für {occasion} mit {company}.",
            "Kannst du {count} Ideen für {occasion} mit {company} vorschlagen?",
            "Ich möchte {occasion} mit {company} planen. Mir fehlen noch {count} Ideen.",
            "Mir fällt nichts ein. Bitte {count} Ideen für {occasion} mit {company}.",
            "Wir suchen {count} Ideen für {occasion} mit {company}.",
            "Hilf mir bitte, ich suche {count} Ideen für {occasion} mit {company}.",
            "Guten Morgen! Mir fehlen {count} Ideen für {occasion} mit {company}.",
            "Was kann man machen? Ich brauche {count} Ideen für {occasion} mit {company}.",
            "Sammle bitte {count} Ideen für {occasion} mit {company}.",
            "Schlag mir {count} Ideen vor. Es geht um {occasion} mit {company}.",
        ),
        IDEA_SLOTS,
    ),
    draw=draw_each(IDEA_SLOTS),
    reply=lambda slots, _: reply_ideas(slots),
    follow_ups=(ONE_MORE,),
    weight=0.6,
    intent="to get ideas for an occasion, in German",
    knowledge="everyday ideas and German",
)

FAMILIES = (WEEKDAY, BRAINSTORM)
