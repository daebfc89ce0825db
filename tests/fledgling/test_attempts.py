"""What practice attempts, what comes of it, and what that is worth."""

from random import Random

import pytest

from fledgling.attempts import Context, Ledger, answerable, contexts, outcome, reach_of, wanted_shares
from fledgling.chat import before_user
from fledgling.corpus import mix
from fledgling.systems import DOMAINS

FREE = Context("free", before_user())
CAPITAL = "What is the capital of Greece? I need it for a poster."


def prompt_of(kind: str) -> str:
    """A prompt that the grammar knows and that asks for `kind`."""
    return {"Math": "What is 5 plus 6?", "Russian": "Сколько будет 5 плюс 6?"}[kind]


def test_there_are_as_many_contexts_of_each_sort_as_asked_for() -> None:
    some = list(contexts(3, 5, 2, Random(0)))
    assert [one.kind for one in some[:3]] == ["free"] * 3
    assert all(one.system in DOMAINS[one.kind].prompts for one in some[3:8])
    assert all(one.first and one.text.endswith(before_user()) for one in some[8:])


def test_a_free_prompt_comes_to_its_family_and_nonsense_to_nothing() -> None:
    assert outcome(FREE, "What is 5 plus 6?") == "arithmetic"
    assert outcome(FREE, "What is 5 plus apples?") is None


@pytest.mark.parametrize(("kind", "asked", "good"), [("Math", "Math", True), ("Russian", "Math", False)])
def test_under_a_system_prompt_only_its_families_are_good(kind: str, asked: str, good: bool) -> None:
    assert (outcome(Context(kind, "", system=DOMAINS[kind].prompts[0]), prompt_of(asked)) is not None) == good


def test_a_second_turn_is_good_if_it_follows_the_first() -> None:
    later = Context("later", "", first=("What is 5 plus 6?", "Sure: 5 + 6 = 11. The answer is 11."))
    assert outcome(later, "Now add 4.") == "turn"
    assert outcome(later, "Thanks!") == "talk"
    assert outcome(later, "And what is the title?") is None


def test_good_prompts_ask_for_a_reply_and_only_the_right_one_is_good() -> None:
    tried = [(FREE, "What is 5 plus 6?", "arithmetic"), (FREE, "What is apples?", None)]
    (reply,) = answerable(tried)
    assert outcome(reply, "Sure: 5 + 6 = 11. The answer is 11.") == "right"
    assert outcome(reply, "Sure: 5 + 6 = 12. The answer is 12.") is None
    assert reach_of(reply, "Sure: 5 + 6 = 12. The answer is 12.") == len("Sure: 5 + 6 = 1")


def test_a_form_with_wrong_slots_blames_no_word() -> None:
    assert reach_of(FREE, "What is 5 minus 9?") is None


def test_the_mean_worth_of_what_comes_as_often_as_it_should_is_nothing() -> None:
    """Once the ledger has seen enough, a family at its share of all attempts is worth nothing, a rare one more."""
    ledger = Ledger()
    for number in range(4000):
        ledger.note("free", ("often", "seldom", "seldom", None)[number % 4] if number % 8 < 4 else "often")
    often, seldom = (ledger.advantage("free", name, 0.5) for name in ("often", "seldom"))
    assert often < 0 < seldom
    assert ledger.advantage("free", None, 0.5) == -1


def test_what_was_seen_long_ago_counts_less() -> None:
    ledger = Ledger()
    for _ in range(1000):
        ledger.note("free", None)
    before = ledger.advantage("free", "capital", 0.01)
    for _ in range(200):
        ledger.fade()
    assert ledger.advantage("free", "capital", 0.01) < before == 1


def test_free_prompts_are_wanted_as_the_hidden_mix_has_them() -> None:
    wanted = wanted_shares()
    assert wanted["free"] == mix()
    assert all(sum(shares.values()) == pytest.approx(1) for shares in wanted.values())
