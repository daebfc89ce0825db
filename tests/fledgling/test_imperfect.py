from random import Random

import pytest

from fledgling.corpus import ask
from fledgling.families import BY_NAME, FAMILIES, recognise
from fledgling.family import Family
from fledgling.imperfect import (
    IMPERFECT,
    REPEATED,
    SHARES,
    TRUNCATED,
    UNSAFE,
    VAGUE,
    cuts,
    popular,
    quality_of,
    recognise_any,
)

every_one = pytest.mark.parametrize("family", IMPERFECT, ids=lambda family: family.name)


def test_their_shares_add_up_to_eight_percent_and_their_names_are_their_own() -> None:
    assert sum(SHARES.values()) == pytest.approx(0.08)
    assert set(SHARES) == {family.name for family in IMPERFECT}
    assert not set(SHARES) & set(BY_NAME)


@every_one
def test_prompts_are_recognised_and_their_replies_are_right(family: Family) -> None:
    rng = Random(0)
    for _ in range(400):
        turn, _ = ask(family, rng)
        found = recognise_any(turn.prompt)
        assert found is not None, turn.prompt
        assert found[0] is family, turn.prompt
        assert family.is_right(found[1], turn.reply)
        assert not family.is_right(found[1], turn.reply[: len(turn.reply) // 2])


@pytest.mark.parametrize("family", [VAGUE, TRUNCATED, UNSAFE], ids=lambda family: family.name)
def test_prompts_vary(family: Family) -> None:
    rng = Random(1)
    assert len({ask(family, rng)[0].prompt for _ in range(600)}) >= 500


def test_prompts_of_other_families_are_theirs() -> None:
    rng = Random(2)
    for family in FAMILIES:
        for _ in range(20):
            prompt = ask(family, rng)[0].prompt
            found = recognise_any(prompt)
            assert found is not None, prompt
            assert found[0] is family or prompt in popular(), prompt


def test_popular_instructions_are_twenty_that_their_families_read_and_come_as_they_are() -> None:
    assert len(set(popular())) == 20
    assert all(recognise(prompt) for prompt in popular())
    rng = Random(3)
    asked = [ask(REPEATED, rng)[0].prompt for _ in range(2000)]
    assert set(asked) == set(popular())
    assert recognise_any(f"Hi! {popular()[0]}") != (REPEATED, {"text": popular()[0]})


def test_a_cut_prompt_is_read_with_its_slots_and_nonsense_is_not() -> None:
    start = next(start for start, _ in cuts() if "{" not in start)
    assert TRUNCATED.recognise(start) == {"text": start}
    assert TRUNCATED.recognise(f"{start} umbrella umbrella") is None
    assert TRUNCATED.recognise("What is the") is None
    assert recognise_any("Please the of birds") is None


@pytest.mark.parametrize(
    ("prompt", "family", "quality"),
    [
        ("Please fix it now.", VAGUE, "very poor"),
        ("blue seven of", None, "very poor"),
        ("What is the capital of", TRUNCATED, "poor"),
        ("name the capital of peru", BY_NAME["capital"], "average"),
        ("Name the capital of Peru", BY_NAME["capital"], "average"),
        ("Name the capital of Peru.", BY_NAME["capital"], "good"),
        ("Please name the capital of Peru.", BY_NAME["capital"], "good"),
        ("I am going to Peru. Can you name its capital?", BY_NAME["capital"], "excellent"),
    ],
)
def test_quality_follows_the_published_rule(prompt: str, family: Family | None, quality: str) -> None:
    assert quality_of(prompt, family) == quality
