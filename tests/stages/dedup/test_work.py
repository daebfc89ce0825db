"""Duplicates: the earliest stays, near is what shares enough words, and bands only propose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from magpie.stages.dedup import work as module
from magpie.stages.dedup.sketches import HASHES, RECALL, Shape, recall
from magpie.stages.dedup.work import dedup
from magpie.stages.text.words import level, words_and_signs

pytest.importorskip("rensa")

USUAL = Shape(3, 0.8, True)
LONG = (
    "Please write a short story about a lonely lighthouse keeper who finds a message in a bottle on the beach, and who "
    "then sails out to look for the girl that wrote it many years ago"
)


class Rows:
    """A corpus that is held in memory, in batches of a few rows."""

    def __init__(self, scratch: Path, texts: Sequence[str | None], first: int, batch: int) -> None:
        self.scratch = scratch
        self.count = len(texts)
        self.reported: dict[str, Any] = {}
        rows = pa.array(range(first, first + len(texts)), pa.int64())
        self._table = pa.table({"row": rows, "instruction": pa.array(texts, pa.string())})
        self._batch = batch

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from self._table.to_batches(self._batch)

    def report(self, figures: Mapping[str, Any]) -> None:
        self.reported.update(figures)


def found(
    tmp_path: Path, texts: Sequence[str | None], shape: Shape | None = USUAL, first: int = 0, batch: int = 7
) -> list[tuple[str | None, int | None]]:
    """Of each row why it was dropped, and the row that it is like."""
    tables = list(dedup(Rows(tmp_path, texts, first, batch), shape))
    rows = pa.concat_tables(tables).to_pylist() if tables else []
    assert [row["row"] for row in rows] == list(range(first, first + len(texts)))
    return [(row["drop_reason"], row["duplicate_of"]) for row in rows]


def similarity(one: str, other: str, shape: Shape = USUAL) -> float:
    """Jaccard similarity of runs of words, by sets of tuples."""
    sets = []
    for text in (one, other):
        edge = [""] * (shape.ngram - 1)
        padded = [*edge, *words_and_signs(level(text)), *edge]
        sets.append({tuple(padded[at : at + shape.ngram]) for at in range(len(padded) - shape.ngram + 1)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_the_same_text_in_another_dress_is_a_duplicate_of_the_earliest(tmp_path: Path) -> None:
    texts = ["What is rain?", "Something else", "what is  RAIN", "What is rain", "Something else!"]
    assert found(tmp_path, texts, first=10) == [
        (None, None), (None, None), ("duplicate", 10), ("duplicate", 10), ("duplicate", 11),
    ]  # fmt: skip


def test_nearly_the_same_words_are_a_near_duplicate(tmp_path: Path) -> None:
    texts = [LONG, "What is rain?", LONG + " today", LONG.replace("beach", "shore")]
    assert found(tmp_path, texts) == [(None, None), (None, None), ("near_duplicate", 0), ("near_duplicate", 0)]
    assert found(tmp_path, texts, shape=None) == [(None, None)] * 4


def test_other_numbers_are_another_task_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    texts = [f"{LONG} in {n} words" for n in (100, 200)]
    assert found(tmp_path, texts) == [(None, None)] * 2
    assert found(tmp_path, texts, Shape(3, 0.7, False))[1] == ("near_duplicate", 0)


def test_short_texts_that_differ_in_a_word_or_a_sign_stay(tmp_path: Path) -> None:
    texts = [
        "What is 3 + 4?",
        "What is 3 - 4?",
        "What is 5!",
        "What is 5",
        "Name a river",
        "Name a city",
        "Hello",
        "Hallo",
        "写首诗",
        "写首歌",
    ]
    assert found(tmp_path, texts) == [(None, None)] * len(texts)


def test_what_equals_a_dropped_row_is_a_duplicate_of_the_one_that_stays(tmp_path: Path) -> None:
    near = LONG + " today"
    assert found(tmp_path, [LONG, near, near]) == [(None, None), ("near_duplicate", 0), ("duplicate", 0)]


def test_a_row_near_a_dropped_one_only_stays(tmp_path: Path) -> None:
    shape = Shape(1, 0.8, False)
    chain = ["a b c d e f g h i j", "b c d e f g h i j k", "c d e f g h i j k l"]
    assert similarity(chain[0], chain[1], shape) >= 0.8 > similarity(chain[0], chain[2], shape)
    assert found(tmp_path, chain, shape) == [(None, None), ("near_duplicate", 0), (None, None)]


def test_near_duplicates_are_those_of_a_plain_comparison_of_all_pairs(tmp_path: Path) -> None:
    rng = Random(5)
    vocabulary = [f"word{chr(97 + n)}" for n in range(26)]
    texts: list[str] = []
    for _ in range(40):
        base = rng.choices(vocabulary, k=rng.randrange(4, 60))
        texts.append(" ".join(base))
        for _ in range(3):
            copy = list(base)
            for _ in range(rng.randrange(1, 4)):
                copy[rng.randrange(len(copy))] = rng.choice(vocabulary)
            texts.append(" ".join(copy))
    rng.shuffle(texts)
    texts = list(dict.fromkeys(texts))
    stays: list[int] = []
    expected: list[tuple[str | None, int | None]] = []
    for text in range(len(texts)):
        like = next((other for other in stays if similarity(texts[other], texts[text]) >= 0.8), None)
        expected.append((None, None) if like is None else ("near_duplicate", like))
        if like is None:
            stays.append(text)
    assert any(reason for reason, _ in expected)
    assert found(tmp_path, texts) == expected


def test_no_two_rows_that_stay_are_near_each_other_and_each_dropped_one_is_near_its_own(tmp_path: Path) -> None:
    rng = Random(9)
    texts = [" ".join(rng.choices("abcdefgh", k=rng.randrange(3, 9))) for _ in range(300)]
    made = found(tmp_path, texts)
    stay = [text for text, (reason, _) in enumerate(made) if reason is None]
    assert all(similarity(texts[one], texts[other]) < 0.8 for one, other in combinations(stay, 2))
    for text, (reason, like) in enumerate(made):
        if reason is not None:
            assert like in stay
            assert like is not None
            assert similarity(texts[like], texts[text]) >= 0.8 or level(texts[like]) == level(texts[text])


def test_more_rows_change_nothing_for_earlier_ones_nor_do_batches(tmp_path: Path) -> None:
    rng = Random(2)
    texts = [LONG.replace("short", rng.choice(["short", "long", "sad"])) + rng.choice(["", " now"]) for _ in range(60)]
    made = found(tmp_path, texts)
    assert found(tmp_path, texts[:31]) == made[:31]
    assert found(tmp_path, texts, batch=1000) == made


def test_how_many_were_found_is_reported(tmp_path: Path) -> None:
    corpus = Rows(tmp_path, [LONG, LONG, LONG + " today"], 0, 7)
    list(dedup(corpus, USUAL))
    assert corpus.reported == {"duplicates": 1, "near_duplicates": 1, "comparisons_cut_short": 0}


def test_comparisons_that_were_cut_short_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_COMPARED", 0)
    corpus = Rows(tmp_path, [LONG, LONG + " today"], 0, 7)
    assert pa.concat_tables(list(dedup(corpus, USUAL))).column("drop_reason").to_pylist() == [None, None]
    assert corpus.reported["comparisons_cut_short"] == 1


def test_no_rows_and_rows_without_words_are_no_trouble(tmp_path: Path) -> None:
    assert found(tmp_path, []) == []
    assert found(tmp_path, ["", None, "?", ","]) == [
        (None, None), ("duplicate", 0), ("duplicate", 0), ("near_duplicate", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_bands_bring_pairs_at_the_threshold_together(threshold: float) -> None:
    shape = Shape(3, threshold, True)
    assert recall(threshold, shape.band_rows) >= RECALL
    assert 1 <= shape.band_rows <= HASHES
