"""Spanish, prompt and reply: a sum in steps, a simple recipe."""

from random import Random

from fledgling.family import NUMBER, Difficulty, Family, FollowUp, Form, Slots, exactly

# -- a sum -------------------------------------------------------------------------------------------------------------


def sum_steps(a: int, b: int) -> str:
    """47, 35 -> 40 + 30 = 70, 7 + 5 = 12 y 70 + 12 = 82"""
    tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
    if not (a % 10 and b % 10):
        return f"{a} + {b} = {a + b}"
    if min(a, b) >= 10:
        return f"{a - a % 10} + {b - b % 10} = {tens}, {a % 10} + {b % 10} = {ones} y {tens} + {ones} = {a + b}"
    return f"{a % 10} + {b % 10} = {ones} y {tens} + {ones} = {a + b}" if tens else f"{a} + {b} = {a + b}"


def reply_sum(slots: Slots, _: Random) -> str:
    a, b = int(slots["a"]), int(slots["b"])
    return f"Vamos paso a paso: {sum_steps(a, b)}. La respuesta es {a + b}."


def size_of_sum(slots: Slots) -> Difficulty:
    """The same in every language, English sums included."""
    a, b = int(slots["a"]), int(slots["b"])
    if max(a, b) < 10:
        return "very easy"
    carries = a % 10 + b % 10 > 9
    if min(a, b) < 10:
        return "medium" if carries else "easy"
    return "hard" if carries else "medium"


SUM = Family(
    name="spanish_sum",
    category="Math",
    language="Spanish",
    form=Form(
        (
            "¿Cuánto es {a} más {b}?",
            "¿Cuánto es {a} + {b}?",
            "Suma {a} y {b}, por favor.",
            "Hola, ¿cuánto es {a} más {b}?",
            "¿Puedes sumar {a} y {b}?",
            "Necesito saber cuánto es {a} más {b}.",
            "Calcula {a} + {b} paso a paso.",
            "Mi hija pregunta cuánto es {a} más {b}. ¿Me ayudas?",
            "¿Cuál es la suma de {a} y {b}?",
            "Tengo {a} euros y recibo {b} euros más. ¿Cuánto dinero tengo ahora?",
            "En una caja hay {a} libros y en otra hay {b}. ¿Cuántos libros hay en total?",
            "Dime el resultado de {a} más {b}.",
            "Explícame cómo se suman {a} y {b}.",
            "Estoy aprendiendo a sumar. ¿Qué da {a} más {b}?",
            "En mi clase hay {a} niños y en la otra hay {b}. ¿Cuántos niños son en total?",
            "Buenos días. Tengo una pregunta: ¿cuánto es {a} más {b}?",
        ),
        {"a": NUMBER, "b": NUMBER},
    ),
    draw=lambda rng: {"a": str(rng.randint(2, 99)), "b": str(rng.randint(2, 99))},
    reply=reply_sum,
    sensible=lambda slots: max(int(slots["a"]), int(slots["b"])) < 100,
    weight=0.6,
    intent="to know a sum, in Spanish",
    knowledge="addition and Spanish",
    difficulty=size_of_sum,
)

# -- a recipe ----------------------------------------------------------------------------------------------------------

# dish -> (what it needs, first step, second step)
DISHES = {
    "una tortilla de patatas": ("huevos, patatas y aceite", "Fríe las patatas en el aceite",
                                "Mézclalas con los huevos y cuaja la tortilla por los dos lados"),
    "una ensalada": ("lechuga, tomates y aceite", "Lava y corta la lechuga y los tomates", "Añade el aceite y la sal"),
    "una sopa de tomate": ("tomates, cebolla y ajo", "Fríe la cebolla y el ajo",
                           "Añade los tomates y cuece todo veinte minutos"),
    "arroz con leche": ("arroz, leche y azúcar", "Cuece el arroz en la leche a fuego lento", "Añade el azúcar"),
    "un bocadillo de queso": ("pan, queso y tomate", "Corta el pan por la mitad", "Pon dentro el queso y el tomate"),
    "una limonada": ("limones, agua y azúcar", "Exprime los limones y añade el azúcar", "Añade el agua fría"),
    "una pasta con tomate": ("pasta, tomate y queso", "Cuece la pasta en agua con sal",
                             "Añade la salsa de tomate y el queso"),
    "un gazpacho": ("tomates, pepino y pan", "Corta las verduras y el pan", "Tritura todo y sírvelo muy frío"),
    "un pollo al horno": ("un pollo, patatas y limón", "Pon el pollo y las patatas en una fuente",
                          "Añade el limón y asa todo una hora"),
    "una macedonia de frutas": ("manzanas, plátanos y naranjas", "Pela y corta la fruta",
                                "Mézclala con el zumo de una naranja"),
    "un chocolate caliente": ("leche, cacao y azúcar", "Calienta la leche poco a poco", "Añade el cacao y el azúcar"),
    "un bizcocho": ("harina, huevos y azúcar", "Mezcla la harina, los huevos y el azúcar",
                    "Hornea la masa cuarenta minutos"),
}  # fmt: skip
WHEN = (
    "hoy", "mañana", "esta noche", "el lunes", "el martes", "el miércoles", "el jueves", "el viernes", "el sábado",
    "el domingo", "este fin de semana",
)  # fmt: skip
RECIPE_SLOTS = {"dish": exactly(list(DISHES)), "n": NUMBER, "when": exactly(WHEN)}


def draw_recipe(rng: Random) -> Slots:
    return {"dish": rng.choice(list(DISHES)), "n": str(rng.randint(2, 12)), "when": rng.choice(WHEN)}


def reply_recipe(slots: Slots) -> str:
    needs, first, second = DISHES[slots["dish"]]
    return (
        f"Para hacer {slots['dish']} para {slots['n']} personas necesitas {needs}.\n1. {first}.\n2. {second}.\n"
        "¡Buen provecho!"
    )


SHOPPING = FollowUp(
    form=Form(
        (
            "¿Qué tengo que comprar?",
            "Gracias. ¿Qué compro en el supermercado?",
            "¿Qué ingredientes necesito?",
            "Dime otra vez los ingredientes, por favor.",
            "¿Y qué me hace falta?",
        )
    ),
    reply=lambda first, _: f"Compra {DISHES[first['dish']][0]}.",
)

RECIPE = Family(
    name="spanish_recipe",
    category="Planning",
    language="Spanish",
    form=Form(
        (
            "¿Cómo se hace {dish} para {n} personas? Quiero cocinar {when}.",
            "Quiero preparar {dish} {when} para {n} personas. ¿Qué necesito?",
            "Dame una receta fácil: {dish} para {n} personas. Cocino {when}.",
            "Hola, {when} vienen amigos y somos {n} personas. ¿Cómo hago {dish}?",
            "Necesito una receta para {when}: {dish} para {n} personas.",
            "¿Me ayudas a cocinar {dish} {when}? Somos {n} personas.",
            "Tengo que hacer {dish} para {n} personas {when}. ¿Cómo empiezo?",
            "Somos {n} personas en casa y {when} quiero hacer {dish}. ¿Tienes una receta?",
            "¿Puedes explicarme cómo hacer {dish} para {n} personas? Es para {when}.",
            "Cocino yo {when} y somos {n} personas. ¿Cómo preparo {dish}?",
            "Busco una receta sencilla. Quiero preparar {dish} {when} para {n} personas.",
            "Es para {when}: {dish}, y comemos {n} personas. ¿Me das la receta?",
            "Nunca he cocinado {dish}. ¿Cómo lo hago {when} para {n} personas?",
            "Vamos a ser {n} personas {when}. ¿Cómo se prepara {dish}?",
            "Mi madre quiere {dish} {when}. Seremos {n} personas. ¿Qué hago?",
        ),
        RECIPE_SLOTS,
    ),
    draw=draw_recipe,
    reply=lambda slots, _: reply_recipe(slots),
    sensible=lambda slots: int(slots["n"]) > 1,
    follow_ups=(SHOPPING,),
    weight=0.6,
    intent="to know how to cook a simple dish, in Spanish",
    knowledge="knowledge of cooking and Spanish",
)

FAMILIES = (SUM, RECIPE)
