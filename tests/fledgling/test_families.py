"""Every family against itself: it reads its own prompts, accepts its own replies and no damaged ones."""

import re
from collections import Counter
from random import Random

import pytest

from fledgling.corpus import ask
from fledgling.families import FAMILIES, recognise
from fledgling.family import Family, Slots
from fledgling.surface import undress, undressed

CATEGORIES = {
    "Information seeking", "Reasoning", "Planning", "Editing", "Coding & Debugging", "Math", "Role playing",
    "Data analysis", "Creative writing", "Advice seeking", "Brainstorming", "Others",
}  # fmt: skip
DRAWS = 200

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def test_families_cover_the_twelve_categories_and_have_names_of_their_own() -> None:
    assert {family.category for family in FAMILIES} == CATEGORIES
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) >= 29


@every_family
def test_a_family_recognises_its_own_prompts_with_the_same_slots(family: Family) -> None:
    rng = Random(1)
    for _ in range(DRAWS):
        turn, slots = ask(family, rng)
        readings = (family.recognise(text) for text in undressed(turn.prompt))
        found = next((found for found in readings if found is not None), None)
        assert found is not None, turn.prompt
        assert found == {name: slots[name] for name in found}, turn.prompt


@every_family
def test_no_other_family_claims_its_prompts(family: Family) -> None:
    rng = Random(2)
    for _ in range(DRAWS):
        prompt = ask(family, rng)[0].prompt
        found = [reading for text in undressed(prompt) if (reading := recognise(text)) is not None]
        assert found, prompt
        assert {reading[0].name for reading in found} == {family.name}, prompt


@every_family
def test_a_family_accepts_its_own_reply_and_refuses_a_damaged_one(family: Family) -> None:
    rng = Random(3)
    for _ in range(DRAWS):
        turn, slots = ask(family, rng)
        assert family.is_right(slots, turn.reply), turn
        for damaged in damages(turn.reply):
            assert not family.is_right(slots, damaged), (turn.prompt, damaged)


def damages(reply: str) -> list[str]:
    """The reply cut in half, emptied, and with its last number or its longest word changed."""
    number = re.search(r"\d+(?=\D*$)", reply)
    longest = max(re.findall(r"\w+", reply), key=len)
    changed = reply[: number.start()] + str(int(number[0]) + 1) + reply[number.end() :] if number else ""
    return ["", reply[: len(reply) // 2], changed or reply.replace(longest, "umbrella")]


@every_family
def test_every_phrasing_of_a_family_holds_every_slot(family: Family) -> None:
    for form in (family.form, *(follow_up.form for follow_up in family.follow_ups)):
        for phrasing in form.phrasings:
            assert set(re.findall(r"\{(\w+)\}", phrasing)) == set(form.slots), phrasing


@every_family
def test_follow_ups_are_read_back_and_have_one_reply(family: Family) -> None:
    rng = Random(4)
    for follow_up in family.follow_ups:
        for _ in range(50):
            first = family.draw(rng)
            own = follow_up.draw(first, rng)
            read = [follow_up.form.canonical(raw) for raw in follow_up.form.read(follow_up.form.ask(own, rng))]
            assert own in read
            assert follow_up.reply(first, own) == follow_up.reply(first, own)


@every_family
def test_prompts_of_a_family_are_distinct_enough(family: Family) -> None:
    rng = Random(5)
    prompts = Counter(ask(family, rng)[0].prompt for _ in range(500))
    assert len(prompts) >= 250
    assert prompts.most_common(1)[0][1] <= 10


@every_family
def test_a_family_has_ten_thousand_distinct_prompts(family: Family) -> None:
    """Of 3,000 prompts drawn evenly from 10,000, 2,592 are expected to be distinct; uneven draws give fewer."""
    rng = Random(8)
    prompts = {family.form.ask(family.draw(rng), rng) for _ in range(3000)}
    assert len(prompts) > 2550


@every_family
def test_every_equation_in_the_replies_of_a_family_holds(family: Family) -> None:
    rng = Random(9)
    for _ in range(DRAWS):
        slots = family.draw(rng)
        seconds = [follow_up.reply(slots, follow_up.draw(slots, rng)) for follow_up in family.follow_ups]
        for reply in (family.reply(slots, rng), *seconds):
            for a, sign, b, c in re.findall(r"\b(\d+) ([-+*]) (\d+) = (\d+)\b", reply):
                assert {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign] == int(c), reply


@every_family
def test_a_family_is_brief_and_has_many_phrasings(family: Family) -> None:
    rng = Random(10)
    lengths = sorted(
        len(f"{family.form.ask(slots, rng)} {family.reply(slots, rng)}".split()) for slots in draws(family)
    )
    assert lengths[len(lengths) // 2] < 90
    assert lengths[-1] < 250
    assert 15 <= len(set(family.form.phrasings)) <= 30
    assert all(len(set(follow_up.form.phrasings)) >= 5 for follow_up in family.follow_ups)


@every_family
def test_a_family_says_what_the_user_wants_and_what_it_takes(family: Family) -> None:
    assert family.intent
    assert family.knowledge
    assert {family.difficulty(slots) for slots in draws(family)} <= {"very easy", "easy", "medium", "hard", "very hard"}
    assert 0.5 <= family.weight <= 1.5


def draws(family: Family) -> list[Slots]:
    rng = Random(11)
    return [family.draw(rng) for _ in range(DRAWS)]


def test_a_casual_prompt_keeps_names_and_the_word_i_in_upper_case() -> None:
    for family in FAMILIES:
        for phrasing in family.form.phrasings:
            form = type(family.form)((phrasing,), family.form.slots)
            text = form.ask(dict.fromkeys(form.slots, "Anna"), Random(6), casual=True)
            assert not text.endswith((".", "?", "!"))
            assert text.startswith(("Anna", "I ")) or text.lstrip("¿")[0].islower(), text


@every_family
def test_a_damaged_prompt_is_read_or_refused_but_never_raises(family: Family) -> None:
    rng = Random(7)
    for _ in range(DRAWS):
        turn, _ = ask(family, rng)
        text = list(undress(turn.prompt))
        text[rng.randrange(len(text))] = rng.choice(["", "7", "a", ",", " ", "\n", "A"])
        found = recognise("".join(text))
        assert found is None or found[0].is_right(found[1], turn.reply) in (True, False)


def test_text_of_no_family_is_not_recognised() -> None:
    for text in ("", "What is", "Tell me a secret.", "What is the capital of Atlantis?", "What is 12 plus?"):
        assert recognise(text) is None
