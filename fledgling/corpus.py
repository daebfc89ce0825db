"""Mixes families into conversations: system prompts, follow-ups, small talk. The same seed gives the same corpus.

Knows the families and how conversations are put together; knows no tokenizer and no model.
"""

from collections.abc import Callable, Iterator
from random import Random

from fledgling.conversation import Conversation, Turn
from fledgling.families import BY_NAME, FAMILIES
from fledgling.family import Family, FollowUp, Slots
from fledgling.imperfect import IMPERFECT, REPEATED, SHARES, as_asked
from fledgling.surface import dress
from fledgling.systems import DOMAINS, GENERIC, draw_persona

JUDGE = 0.11  # share of conversations in which the pipeline asks for a judgment
# of the others, shares with a system prompt of each sort
SYSTEM_DOMAIN, SYSTEM_PERSONA, SYSTEM_GENERIC = 0.3, 0.05, 0.05
ROLE_UNDER_PERSONA = 0.3  # share of first turns under a persona that ask for role play
SECOND_TURN, THIRD_TURN = 0.3, 0.2  # share of conversations with a second turn; of these, with a third
FOLLOW_UP = 0.98  # share of second turns that follow up, where the family has follow-ups
CASUAL = 0.1  # share of prompts without an end mark and a capital
IN_PASSING = frozenset(BY_NAME) | {"vague", "unsafe"}  # families that may be asked casually

# language -> what people say when they are content, and the reply
SMALL_TALK = {
    "English": (
        ("Thanks!", "You are welcome!"),
        ("Thank you so much.", "You are welcome! Let me know if you need anything else."),
        ("Great, that helps.", "I am glad to hear that!"),
        ("Perfect!", "I am happy that I could help."),
        ("That is all, thank you.", "You are welcome! Have a nice day."),
        ("Very good, thank you!", "I am glad that you like it!"),
    ),
    "Spanish": (("¡Gracias!", "¡De nada!"), ("Muy bien, gracias.", "¡Me alegro! Que tengas un buen día.")),
    "French": (("Merci !", "De rien !"), ("Très bien, merci.", "Avec plaisir ! Bonne journée.")),
    "German": (("Danke!", "Gern geschehen!"), ("Sehr gut, danke.", "Das freut mich! Einen schönen Tag noch.")),
    "Russian": (("Спасибо!", "Пожалуйста!"), ("Отлично, спасибо.", "Рад помочь! Хорошего дня.")),
}
SMALL_TALK_REPLIES = {prompt: reply for pairs in SMALL_TALK.values() for prompt, reply in pairs}


def conversations(seed: int, count: int) -> Iterator[Conversation]:
    """Chats and, among them, what the pipeline asks of a judge."""
    rng = Random(seed)
    judge_conversation = judge()
    for _ in range(count):
        yield judge_conversation(rng) if rng.random() < JUDGE else chat(rng)


def judge() -> Callable[[Random], Conversation]:
    """What makes judge conversations. They judge what this module makes, so their module is opened late."""
    from fledgling.judge import judge_conversation

    return judge_conversation


# -- chats -------------------------------------------------------------------------------------------------------------


def chat(rng: Random) -> Conversation:
    """One conversation: sometimes a system prompt, always a first turn, sometimes more."""
    system, family = draw_first(rng)
    turn, slots = ask(family, rng)
    if rng.random() >= SECOND_TURN:
        return Conversation(system, (turn,))
    task = as_asked(slots) if family is REPEATED else (family, slots)
    return Conversation(system, (turn, *later_turns(*task, rng)))


def draw_first(rng: Random) -> tuple[str | None, Family]:
    """A system prompt or None, and the family of the first turn."""
    chance = rng.random()
    if chance < SYSTEM_DOMAIN:
        domain = rng.choice(list(DOMAINS.values()))
        return rng.choice(domain.prompts), by_weight([BY_NAME[name] for name in domain.families], rng)
    if chance < SYSTEM_DOMAIN + SYSTEM_PERSONA:
        playing = rng.random() < ROLE_UNDER_PERSONA
        return draw_persona(rng), by_weight([f for f in FAMILIES if not playing or f.category == "Role playing"], rng)
    if chance < SYSTEM_DOMAIN + SYSTEM_PERSONA + SYSTEM_GENERIC:
        return rng.choice(GENERIC), by_weight(FAMILIES, rng)
    return None, draw_of_mix(rng)


def by_weight(families: list[Family] | tuple[Family, ...], rng: Random) -> Family:
    return rng.choices(families, [family.weight for family in families])[0]


def draw_of_mix(rng: Random) -> Family:
    """A family of the hidden mix."""
    chance = rng.random()
    for family in IMPERFECT:
        chance -= SHARES[family.name]
        if chance < 0:
            return family
    return by_weight(FAMILIES, rng)


def ask(family: Family, rng: Random) -> tuple[Turn, Slots]:
    slots = family.draw(rng)
    prompt = family.form.ask(slots, rng, casual=family.name in IN_PASSING and rng.random() < CASUAL)
    if family.language == "English" and family is not REPEATED:
        prompt = dress(prompt, rng)
    return Turn(prompt, family.reply(slots, rng), family.name), slots


def later_turns(family: Family, slots: Slots, rng: Random) -> tuple[Turn, ...]:
    """A follow-up if the family has one, else small talk; sometimes one more turn.

    A third turn follows up only where that cannot be misread, for most follow-ups speak of the last reply.
    """
    second = rng.choice(family.follow_ups) if family.follow_ups and rng.random() < FOLLOW_UP else None
    turn = follow(second, slots, rng) if second else small_talk(family, rng)
    if rng.random() >= THIRD_TURN or not second:
        return (turn,)
    more = [one for one in family.follow_ups if one.anytime and one is not second]
    third = follow(rng.choice(more), slots, rng) if more else small_talk(family, rng)
    return turn, third


def small_talk(family: Family, rng: Random) -> Turn:
    return Turn(*rng.choice(SMALL_TALK[family.language]))


def follow(follow_up: FollowUp, slots: Slots, rng: Random) -> Turn:
    own = follow_up.draw(slots, rng)
    return Turn(follow_up.form.ask(own, rng), follow_up.reply(slots, own))


# -- what is known of the corpus ---------------------------------------------------------------------------------------


def mix() -> dict[str, float]:
    """The share of each family among first turns of chats without a system prompt; adds up to one."""
    total = sum(family.weight for family in FAMILIES)
    proper = 1 - sum(SHARES.values())
    return {family.name: proper * family.weight / total for family in FAMILIES} | SHARES
