"""What the reward model was shown is drawn again for other settings, and what is judged is not among it."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from fledgling import scoring
from fledgling.responses import LEARNED, instructions
from fledgling.shown import ANSWERED, DRAWN, KEY, SHIPPED, Answers, Own, Shown, graded_rows, own_responses, shown_to
from magpie.modelfiles.locate import find_model

TOKENIZER = find_model("fledgling").parent / "tokenizer.json"


def answers(count: int) -> Answers:
    """The same instructions each time, with a wrong answer each."""
    for asked in islice(instructions(3), count):
        yield asked, "No.", False


def prompts(own: Own) -> list[str]:
    return [asked.prompt for asked, _ in own]


def test_own_responses_are_kept_for_their_settings_and_for_no_others(tmp_path: Path) -> None:
    path, asked = tmp_path / "own.jsonl", list[int]()

    def answer(count: int) -> Answers:
        asked.append(count)
        return answers(count)

    first = own_responses(path, {"seed": 0, "own": 3}, lambda: answer(3))
    assert own_responses(path, {"seed": 0, "own": 3}, lambda: answer(3)) == first
    assert asked == [3]
    assert len(own_responses(path, {"seed": 0, "own": 5}, lambda: answer(5))) == 5
    path.write_text('{"prompt": "of an earlier form"}\n', encoding="utf-8")
    assert prompts(own_responses(path, {"seed": 0, "own": 3}, lambda: answer(3))) == prompts(first)
    assert asked == [3, 5, 3]


def test_rows_are_kept_for_their_settings_and_answers_and_for_no_others(tmp_path: Path) -> None:
    path, tokenizer = tmp_path / "rows.npz", Tokenizer.from_file(str(TOKENIZER))
    own = own_responses(tmp_path / "own.jsonl", {}, lambda: answers(4))
    first, _ = graded_rows(path, tokenizer, own, 0, 2)
    assert len(graded_rows(path, tokenizer, own, 0, 3)[0]) == 3
    other, used = graded_rows(path, tokenizer, own[:1], 1, 2)
    assert not np.array_equal(first.ids, other.ids)
    again, used_again = graded_rows(path, tokenizer, own[:1], 1, 2)
    assert np.array_equal(again.ids, other.ids)
    assert used_again == used


def test_a_model_s_file_says_what_it_was_shown() -> None:
    told = Shown.of(seed=7, own=10, drawn=5)
    assert shown_to({KEY: told.written()}) == told
    assert shown_to({}) == SHIPPED
    answered = {asked.prompt for asked in islice(instructions(7 + ANSWERED), told.answered)}
    drawn = {asked.prompt for asked in islice(instructions(7 + DRAWN), 5)}
    assert told.instructions() == answered | drawn
    assert Shown.of(8, 10, 5).instructions() != told.instructions()


def test_what_is_judged_was_shown_in_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "answered", lambda some, _: ["No."] * len(some))
    before = {pair.asked.prompt for pair in scoring.drawn(LEARNED, 8, ())}
    own_before = {pair.asked.prompt for pair in scoring.own_pairs(LEARNED, 8, ())}
    taken = before | own_before
    assert taken.isdisjoint(pair.asked.prompt for pair in scoring.drawn(LEARNED, 8, taken))
    assert taken.isdisjoint(pair.asked.prompt for pair in scoring.own_pairs(LEARNED, 8, taken))
