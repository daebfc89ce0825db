"""Russian, prompt and reply: a sum in steps, where animals live."""

from random import Random

from fledgling.families.spanish import size_of_sum, sum_steps
from fledgling.family import NUMBER, Family, FollowUp, Form, Slots, draw_each, one_of
from fledgling.words import words

# -- a sum -------------------------------------------------------------------------------------------------------------


def reply_sum(slots: Slots, _: Random) -> str:
    a, b = int(slots["a"]), int(slots["b"])
    return f"Считаем по шагам: {sum_steps(a, b).replace(' y ', ' и ')}. Ответ: {a + b}."


SUM = Family(
    name="russian_sum",
    category="Math",
    language="Russian",
    form=Form(
        (
            "Сколько будет {a} плюс {b}?",
            "Сколько будет {a} + {b}?",
            "Привет! Сколько будет {a} плюс {b}?",
            "Посчитай, пожалуйста: {a} + {b}.",
            "Помоги мне сложить {a} и {b}.",
            "Чему равна сумма {a} и {b}?",
            "Мой сын спрашивает, сколько будет {a} плюс {b}.",
            "Скажи, пожалуйста, сколько будет {a} плюс {b}?",
            "Реши по шагам: {a} + {b}.",
            "Мне нужно знать, сколько будет {a} плюс {b}.",
            "Найди сумму чисел {a} и {b}.",
            "Добрый день! Как сложить {a} и {b}?",
            "Объясни мне, как сложить {a} и {b}.",
            "Мне нужен ответ по шагам: {a} + {b}.",
            "Вычисли {a} + {b}, пожалуйста.",
        ),
        {"a": NUMBER, "b": NUMBER},
    ),
    draw=lambda rng: {"a": str(rng.randint(2, 99)), "b": str(rng.randint(2, 99))},
    reply=reply_sum,
    sensible=lambda slots: max(int(slots["a"]), int(slots["b"])) < 100,
    weight=0.6,
    intent="to know a sum, in Russian",
    knowledge="addition and Russian",
    difficulty=size_of_sum,
)

# -- where animals live ------------------------------------------------------------------------------------------------

NAMES = words(
    "Анна Иван Мария Борис Ольга Павел Нина Антон Вера Олег Лена Максим Ирина Виктор Света Роман Алиса Денис Юля Марк "
    "Катя Саша Миша Таня Даша Рита Соня"
)
# animals -> (where they live, what they eat)
ANIMALS = {
    "медведи": ("в лесу", "ягоды, рыбу и мёд"),
    "волки": ("в лесу", "мясо"),
    "лисы": ("в лесу и в поле", "мышей и птиц"),
    "зайцы": ("в лесу и в поле", "траву и кору"),
    "белки": ("в лесу и в парке", "орехи и семена"),
    "совы": ("в лесу", "мышей"),
    "пингвины": ("на холодном берегу", "рыбу"),
    "львы": ("в Африке", "мясо"),
    "жирафы": ("в Африке", "листья деревьев"),
    "слоны": ("в Африке и в Азии", "траву и листья"),
    "киты": ("в океане", "рыбу и рачков"),
    "дельфины": ("в тёплом море", "рыбу"),
    "акулы": ("в океане", "рыбу"),
    "верблюды": ("в пустыне", "сухую траву"),
    "коровы": ("на ферме", "траву и сено"),
    "пчёлы": ("в улье", "нектар"),
    "лягушки": ("в пруду", "насекомых"),
    "бобры": ("у реки", "кору и листья"),
    "ежи": ("в саду и в лесу", "насекомых и червей"),
    "кенгуру": ("в Австралии", "траву"),
    "тигры": ("в Азии", "мясо"),
    "панды": ("в Китае", "бамбук"),
    "крокодилы": ("в тёплой реке", "рыбу и мясо"),
    "утки": ("на пруду", "траву и насекомых"),
}
ANIMAL_SLOTS = {"animal": one_of(list(ANIMALS), r"\w+"), "name": one_of(NAMES, r"\w+")}


def live(slots: Slots) -> str:
    return f"{slots['name']}, {slots['animal']} живут {ANIMALS[slots['animal']][0]}."


def eat(slots: Slots) -> str:
    animal = slots["animal"]
    return f"{animal[0].upper()}{animal[1:]} едят {ANIMALS[animal][1]}."


WHAT_EAT = FollowUp(
    form=Form(
        (
            "А что они едят?",
            "Что они едят?",
            "Спасибо! А чем они питаются?",
            "А какая у них еда?",
            "Скажи ещё, что они едят.",
        )
    ),
    reply=lambda first, _: eat(first),
)

HABITAT = Family(
    name="russian_habitat",
    category="Information seeking",
    language="Russian",
    form=Form(
        (
            "Меня зовут {name}. Где живут {animal}?",
            "Привет, я {name}. Где живут {animal}?",
            "Меня зовут {name}. Скажи, пожалуйста, где живут {animal}?",
            "Здравствуйте! Я {name}. Расскажите, где живут {animal}.",
            "Меня зовут {name}, и я хочу знать, где живут {animal}.",
            "Где живут {animal}? Меня зовут {name}.",
            "Я {name}. Ты знаешь, где живут {animal}?",
            "Помоги мне с уроком: где живут {animal}? Меня зовут {name}.",
            "Добрый день! Меня зовут {name}. А где живут {animal}?",
            "Я {name}, и у меня вопрос: где живут {animal}?",
            "Это {name}. Объясни мне, где живут {animal}.",
            "Подскажи, где живут {animal}. Я {name}.",
            "Это снова {name}. Интересно, где живут {animal}?",
            "Мы читаем о животных. Где живут {animal}? Меня зовут {name}.",
            "Я {name}, мне семь лет. Где живут {animal}?",
            "Скажи мне, где живут {animal}. Меня зовут {name}.",
        ),
        ANIMAL_SLOTS,
    ),
    draw=draw_each(ANIMAL_SLOTS),
    reply=lambda slots, _: live(slots),
    follow_ups=(WHAT_EAT,),
    weight=0.6,
    intent="to know where animals live, in Russian",
    knowledge="knowledge of animals and Russian",
)

FAMILIES = (SUM, HABITAT)
