"""Rows: whole texts, none cut, each token knows its text, and pieces are tokenised as the whole would be."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from fledgling.chat import document, segments
from fledgling.corpus import conversations
from fledgling.rows import OPEN, ROW, Rows, encode, make_rows, pack

TOKENIZER = Path(__file__).parents[2] / "src" / "magpie" / "weights" / "fledgling" / "tokenizer.json"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER))


@pytest.fixture(scope="module")
def rows(tokenizer: Tokenizer) -> Rows:
    return make_rows(tokenizer, map(segments, conversations(3, 3000)), 100)[0]


def test_pieces_tokenised_one_by_one_are_the_whole_tokenised_at_once(tokenizer: Tokenizer) -> None:
    some = list(conversations(3, 300))
    for conversation, (ids, learned) in zip(some, encode(tokenizer, map(segments, some)), strict=True):
        assert ids == tokenizer.encode(document(conversation)).ids
        assert len(ids) == len(learned)


def test_only_prompts_of_judges_are_not_learned(tokenizer: Tokenizer) -> None:
    for conversation in conversations(3, 300):
        ((ids, learned),) = encode(tokenizer, [segments(conversation)])
        hidden = tokenizer.decode([one for one, known in zip(ids, learned, strict=True) if not known])
        assert (not hidden) == all(turn.learned for turn in conversation.turns)


def test_every_conversation_fits_into_a_row(tokenizer: Tokenizer) -> None:
    assert max(len(ids) for ids, _ in encode(tokenizer, map(segments, conversations(3, 3000)))) <= ROW


def test_rows_hold_whole_texts_and_little_padding(rows: Rows, tokenizer: Tokenizer) -> None:
    for ids, texts in zip(rows.ids, rows.texts, strict=True):
        for text in range(1, texts.max() + 1):
            whole = tokenizer.decode(ids[texts == text].tolist(), skip_special_tokens=False)
            assert whole.startswith("<|im_start|>")
            assert whole.endswith("<|endoftext|>")
    assert (rows.texts == 0).mean() < 0.05


def test_nothing_is_learned_from_another_text_or_of_padding(rows: Rows) -> None:
    starts = np.diff(rows.texts.astype(int), axis=1, prepend=-1) != 0
    assert not rows.learned[starts].any()
    assert not rows.learned[rows.texts == 0].any()


def test_a_text_longer_than_a_row_is_left_out() -> None:
    texts = [([1] * length, [True] * length) for length in (ROW + 1, ROW)]
    assert [len(row.ids) for row in pack(texts)] == [ROW]


def test_rows_are_handed_on_while_texts_still_come() -> None:
    endless = iter(lambda: ([1] * ROW, [True] * ROW), None)
    assert len(list(islice(pack(endless), 3 * OPEN))) == 3 * OPEN
