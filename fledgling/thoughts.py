"""What fledgling-think writes before it answers: a thought made from the family, the slots and the worked steps.

The thought says what is wanted, what the numbers and words are, and the steps in short; the response after it is what
the family's rule says, and has the same checker. The chat template turns thoughts on and off as Qwen3's does.
Knows the families and how a conversation is written; knows no tokenizer and no model.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

from fledgling.chat import END, END_OF_TEXT, START, message, system
from fledgling.conversation import Turn
from fledgling.corpus import SMALL_TALK_REPLIES, judge, later_turns
from fledgling.family import Family, Slots
from fledgling.imperfect import REPEATED, TRUNCATED, as_asked, last_words, recognise_any
from fledgling.own import Asked
from fledgling.rows import Segments

OPENS, CLOSES = "<think>", "</think>"
CHAT_TEMPLATE = (
    "{# fledgling-think, whose thoughts are switched as Qwen3's are #}"
    "{% set turn = namespace(last=-1) %}"
    "{% for message in messages %}{% if message['role'] == 'user' %}{% set turn.last = loop.index0 %}{% endif %}"
    "{% endfor %}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "{% set thought = message['reasoning_content'] or '' %}{% set content = message['content'] %}"
    "{% if not thought and '</think>' in content %}"
    "{% set thought = content.split('</think>')[0].split('<think>')[-1] %}"
    "{% set content = content.split('</think>')[-1] %}"
    "{% endif %}"
    "{{ '<|im_start|>assistant\\n' }}"
    "{% if loop.index0 > turn.last and (loop.last or thought) %}"  # thoughts before a user's message are history
    "{{ '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' }}"
    "{% endif %}"
    "{{ content.lstrip('\\n') + '<|im_end|>' + '\\n' }}"
    "{% else %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{% endif %}"
)
NO_THOUGHT = f"{OPENS}\n\n{CLOSES}\n\n"
NUMBERS = re.compile(r"[\d:]+(?:, \d+)*")
STEP = re.compile(r"\d+ [-+*/] \d+ = \d+")
LATER, CONTENT, JUDGE = "This goes on from before.", "The user is content.", "The user wants a judgment."

# -- thoughts ----------------------------------------------------------------------------------------------------------


def thought(family: Family, slots: Slots, reply: str) -> str:
    """What to think of an instruction of `family` before the right `reply` to it.

    slots: in the order in which they stand in the instruction, as a family reads them.

    thought(ARITHMETIC, {"a": "66", "sign": "-", "b": "38"}, "Sure: 66 - 30 = 36, ...")
    # The user wants to add or subtract two numbers. Numbers: 66, 38. 66 - 30 = 36; 36 - 6 = 30; 30 - 2 = 28.
    """
    if family is REPEATED:
        family, slots = as_asked(slots)
    own = [OWN[family.name](slots)] if family.name in OWN else []
    return " ".join([f"The user wants {family.intent}.", *numbers(slots), *own, *worked(reply)])


def numbers(slots: Slots) -> list[str]:
    """The numbers that the work is done with."""
    found = [text for text in slots.values() if NUMBERS.fullmatch(text)]
    return [f"Numbers: {', '.join(found)}."] if found else []


def worked(reply: str) -> list[str]:
    """The steps in a reply."""
    steps = STEP.findall(reply)
    return ["; ".join(steps) + "."] if steps else []


def compared(slots: Slots) -> str:
    """Which of two numbers is larger, by their first digit that differs."""
    x, y = slots["x"], slots["y"]
    if x == y:
        return "They are the same."
    side = "more" if int(y) > int(x) else "less"
    if len(x) != len(y):
        return f"{len(y)} digits against {len(x)}, so {y} is {side}."
    place = next(place for place in range(len(x)) if x[place] != y[place])
    return f"{('First', 'Second', 'Third')[place]} digit {y[place]} against {x[place]}, so {y} is {side}."


OWN: dict[str, Callable[[Slots], str]] = {
    "trend": compared,
    TRUNCATED.name: lambda slots: f"It ends with: {last_words(slots)}",
}


# -- what is learned ---------------------------------------------------------------------------------------------------

THINKING = 0.65  # share of conversations whose last response has a thought before it
JUDGING = 0.05  # share of conversations in which the pipeline asks for a judgment
SECOND_TURN = 0.2  # share of the others with a second turn


def documents(asked: Iterable[Asked], seed: int) -> Iterator[Segments]:
    """A conversation for each instruction, with thinking on or off, and judgments among them."""
    rng, judge_conversation = Random(seed), judge()
    for told, prompt in asked:
        if rng.random() < JUDGING:
            turn = judge_conversation(rng).turns[0]
            yield document(None, (turn,), JUDGE if rng.random() < THINKING else None)
        family, slots = recognised(prompt)
        turns = [Turn(prompt, family.reply(slots, rng), family.name)]
        if rng.random() < SECOND_TURN:
            turns += later_turns(*(as_asked(slots) if family is REPEATED else (family, slots)), rng)[:1]
        own = thought(family, slots, turns[0].reply) if len(turns) == 1 else thought_of_later(turns[1])
        yield document(told, turns, own if rng.random() < THINKING else None)


def recognised(prompt: str) -> tuple[Family, Slots]:
    found = recognise_any(prompt)
    assert found is not None, "only instructions that a family has asked are learned"
    return found


def thought_of_later(turn: Turn) -> str:
    """Before the reply to a turn that is not the first."""
    return CONTENT if turn.prompt in SMALL_TALK_REPLIES else " ".join([LATER, *worked(turn.reply)])


def document(told: str | None, turns: Sequence[Turn], thought: str | None) -> Segments:
    """A conversation as the chat template writes it, and how often each piece of it counts: earlier replies, which
    stand there without their thoughts, and the empty thought of the template are only read."""
    *earlier, last = turns
    pieces = [(system(told), 1)]
    for turn in earlier:
        pieces += [(message("user", turn.prompt), 1), (message("assistant", turn.reply), 0)]
    pieces += [(message("user", last.prompt), int(last.learned)), (f"{START}assistant\n", int(last.learned))]
    pieces += [(NO_THOUGHT, 0)] if thought is None else [(around(thought), 1)]
    pieces += [(f"{last.reply}{END}\n", last.weight), (END_OF_TEXT, 1)]
    return [piece for piece in pieces if piece[0]]


def around(thought: str) -> str:
    """As it is written before a response."""
    return f"{OPENS}\n{thought}\n{CLOSES}\n\n"
