"""Graded responses: wrong ones are wrong by the grammar, and nothing that is held out is among them."""

from itertools import islice
from random import Random

import pytest
from tokenizers import Tokenizer

from fledgling.graded import CLOSE, graded, make_graded_rows
from fledgling.responses import (
    HELD_OUT,
    LEARNED,
    UNSEEN,
    WRONG,
    Asked,
    Response,
    agreeing,
    corrupted,
    draw_asked,
    instructions,
    wrong,
)
from magpie.modelfiles.locate import find_model

TOKENIZER = find_model("fledgling").parent / "tokenizer.json"


def asked_of(name: str, seed: int = 0) -> Asked:
    family = next(one for one in (*LEARNED, *UNSEEN) if one.name == name)
    return draw_asked(Random(seed), (family,), imperfect=0.0)


def test_families_held_out_are_whole_and_never_learned() -> None:
    assert len(HELD_OUT) == len(set(HELD_OUT)) == 10
    names = {one.family.name for one in islice(instructions(1), 400)}
    assert names.isdisjoint(HELD_OUT)
    assert len(names) > 40


@pytest.mark.parametrize("kind", WRONG)
def test_a_corrupted_response_is_wrong_and_is_no_copy(kind: str) -> None:
    rng = Random(kind)
    made = 0
    for _ in range(60):
        asked = draw_asked(rng)
        right = asked.right(rng)
        assert asked.is_right(right)
        found = corrupted(kind, asked, right, rng)
        if found is not None:
            made += 1
            assert found.kind == kind
            assert not asked.is_right(found.text)
    assert made > 15


def test_a_slot_that_goes_with_no_other_gives_no_response_and_another_mistake_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of units, one slot of another instruction is often of another kind of units."""
    rng = Random(0)
    asked = [asked_of("units", seed) for seed in range(40)]
    assert "" in {WRONG["one slot"][0](one, one.right(rng), rng) for one in asked}

    def broken(*_: object) -> str:
        raise ValueError("a mistake in a rule")

    monkeypatch.setitem(WRONG, "word", (broken, 1.0))
    with pytest.raises(ValueError, match="a mistake in a rule"):
        corrupted("word", asked[0], asked[0].right(rng), rng)


def test_other_tasks_are_never_taken_from_a_family_held_out() -> None:
    """A response to a held-out family must not be seen in training, not even as a wrong one."""
    rng, asked = Random(5), asked_of("capital")
    said = {corrupted("other task", asked, asked.right(rng), rng) for _ in range(200)}
    rights = [one.reply(one.draw(rng), rng) for one in UNSEEN for _ in range(40)]
    assert {one.text for one in said if one}.isdisjoint(rights)


def test_how_far_a_wrong_response_is_the_beginning_of_a_right_one() -> None:
    asked = asked_of("multiply")
    right = asked.right(Random(0))
    assert agreeing(asked, right[:10] + "#", Random(0)) == 10
    assert agreeing(asked, "No.", Random(0)) == 0
    assert agreeing(asked, right + " And more.", Random(0)) == len(right)


def test_rows_hold_each_response_beside_its_instruction_with_its_labels() -> None:
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    rng = Random(3)
    own = [Response("Wrong.", "own", False)]
    some = [graded(asked, own, rng) for asked in islice(instructions(3), 30)]
    rows, used = make_graded_rows(tokenizer, some, 1000)
    assert used == 30
    assert len(rows) * 320 > rows.last.sum() > 90
    for row in range(len(rows)):
        here = rows[row : row + 1]
        for group in range(1, int(here.group.max()) + 1):
            inside = here.group[0] == group
            for part in range(1, int(here.part[0][inside].max()) + 1):
                chosen = inside & (here.part[0] == part)
                if not chosen.any():
                    continue
                text = tokenizer.decode(here.ids[0][chosen].tolist(), skip_special_tokens=False)
                assert text.endswith(CLOSE)
                assert here.last[0][chosen].tolist() == [False] * (int(chosen.sum()) - 1) + [True]
                labels, positions = here.label[0][chosen].tolist(), here.position[0][chosen].tolist()
                assert labels == sorted(labels, reverse=True), "what went wrong stays wrong"
                assert labels[-1] == int(here.written[0][chosen].all())
                prompt = inside & (here.part[0] == 0)
                assert positions == list(range(int(prompt.sum()), int(prompt.sum()) + len(positions)))


def test_wrong_responses_are_of_every_kind() -> None:
    rng = Random(7)
    kinds = set()
    for _ in range(400):
        asked = draw_asked(rng)
        kinds.add(wrong(asked, asked.right(rng), rng).kind)
    assert kinds == set(WRONG)
