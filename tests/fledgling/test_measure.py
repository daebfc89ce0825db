"""What is asked of the model and how its answers are counted; the model is a script."""

from collections.abc import Sequence
from random import Random
from typing import cast

import pytest

from fledgling.corpus import ask
from fledgling.families import BY_NAME
from fledgling.measure import Speaker, second_turns, steered, steering
from fledgling.systems import DOMAINS
from fledgling.truth import turns
from fledgling.verdict import Talk, judge
from magpie.seams import Message


class Script:
    """Says the same to every conversation, and remembers what it was given."""

    def __init__(self, question: str, reply: str = "") -> None:
        self.question, self.reply = question, reply
        self.heard: list[Sequence[Message]] = []

    def users(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        self.heard += conversations
        return [self.question] * len(conversations)

    def assistants(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        self.heard += conversations
        return [self.reply] * len(conversations)


def speaker(question: str, reply: str = "") -> Speaker:
    return cast(Speaker, Script(question, reply))


def test_second_turns_come_after_right_first_turns_of_families_with_follow_ups() -> None:
    turn, slots = ask(BY_NAME["arithmetic"], Random(0))
    follow_up = BY_NAME["arithmetic"].follow_ups[0]
    own = follow_up.draw(slots, Random(0))
    question, reply = follow_up.form.ask(own, Random(0)), follow_up.reply(slots, own)
    verdicts = [judge(Talk(None, (turn.prompt,), (text,))) for text in (turn.reply, "Wrong.")]
    talks = second_turns(speaker(question, reply), verdicts)
    assert talks == [Talk(None, (turn.prompt, question), (turn.reply, reply))]
    figures = turns([judge(talk) for talk in talks])
    assert figures["follow-ups right among on topic"].value == 1


def test_steering_is_the_share_of_instructions_in_the_domains_families() -> None:
    prompt = ask(BY_NAME["arithmetic"], Random(0))[0].prompt
    script = Script(prompt)
    found = steered(cast(Speaker, script), DOMAINS["Math"], DOMAINS["Math"].held_out, 10)
    assert (found.value, found.n) == (1, 10)
    assert {one[0].content for one in script.heard} == set(DOMAINS["Math"].held_out)
    assert steered(cast(Speaker, script), DOMAINS["Editing"], DOMAINS["Editing"].prompts, 10).value == 0


@pytest.mark.parametrize("text", ["", "Blue seven of."])
def test_an_instruction_that_is_empty_or_unknown_steers_nowhere(text: str) -> None:
    assert all(one.trained.value == one.held_out.value == 0 for one in steering(speaker(text), 5).values())
