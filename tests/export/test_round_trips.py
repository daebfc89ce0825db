"""What is exported and imported again is the same: conversations, system prompts, reasoning, pairs and their labels."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from magpie.export import Options, export
from magpie.export.options import Thoughts
from magpie.imports import import_dataset

Row = dict[str, Any]
ROWS = settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
WORDS = st.text(st.characters(codec="utf-8"), max_size=40).map(str.strip).filter(bool)
"""Any text at all, without white space around it."""


def turns(most: int) -> st.SearchStrategy[list[dict[str, str]]]:
    """Further turns, which a user begins."""
    pairs = st.lists(st.tuples(WORDS, WORDS), max_size=most)
    return pairs.map(
        lambda found: [
            message
            for asked, answered in found
            for message in ({"role": "user", "content": asked}, {"role": "assistant", "content": answered})
        ]
    )


def rows(most_turns: int = 2, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    """Rows as an import takes them; some of each kind among a few."""
    fixed = {"instruction": WORDS, "response": WORDS, "turns": turns(most_turns)}
    return st.lists(st.fixed_dictionaries({**fixed, **columns}), min_size=5, max_size=20)


def round_trip(given_rows: Sequence[Row], form: str, to: str, options: Options = Options()) -> tuple[Any, Any]:  # noqa: B008 (frozen)
    """The rows of a run, and those of a run that was made of its export, in the same order: an export begins with a row
    that has something under every key."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "set.jsonl").write_bytes(b"\n".join(map(orjson.dumps, given_rows)))
        first, _ = import_dataset(folder / "set.jsonl", folder / "first")
        export(first, form, folder / to, options)
        second, _ = import_dataset(folder / to, folder / "second")
        again = sorted(second.rows(), key=lambda row: str(row.get("source_id") or row["id"]))
        return list(first.rows()), again


def said(found: Sequence[Row]) -> list[list[tuple[str, str]]]:
    return [[(message["role"], message["content"]) for message in row["messages"]] for row in found]


@pytest.mark.parametrize(
    ("form", "to"),
    [
        ("messages", "out.jsonl"),
        ("messages", "out.json"),
        ("messages", "out.parquet"),
        ("messages", "out"),
        ("sharegpt", "out.jsonl"),
        ("sft", "out.jsonl"),
        ("axolotl", "out"),
        ("parquet", "out.parquet"),
        ("alpaca", "out.jsonl"),
        ("llama-factory", "out"),
    ],
)
@ROWS
@given(rows())
def test_conversations_come_back_turn_by_turn(form: str, to: str, given_rows: list[Row]) -> None:
    always = [*given_rows, {"instruction": "a", "response": "b", "turns": turn_of("c", "d")}]
    before, after = round_trip(always, form, to)
    assert said(after) == said(before)
    assert len(after) == len(always)


def turn_of(asked: str, answered: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


@pytest.mark.parametrize("form", ["messages", "sharegpt", "sft", "alpaca"])
@ROWS
@given(rows(0, system=st.none() | WORDS))
def test_system_prompts_come_back_where_there_were_any(form: str, given_rows: list[Row]) -> None:
    always = [*given_rows, {"instruction": "a", "response": "b", "turns": [], "system": "Be brief."}]
    before, after = round_trip(always, form, "out.jsonl", Options(system=True))
    assert [row["system"] or None for row in after] == [row["system"] for row in before]
    assert said(after) == said(before)


@pytest.mark.parametrize(
    ("form", "reasoning"), [("messages", "field"), ("messages", "inside"), ("sft", "field"), ("sharegpt", "inside")]
)
@ROWS
@given(rows(0, reasoning=st.none() | WORDS))
def test_reasoning_comes_back_with_its_turn(form: str, reasoning: Thoughts, given_rows: list[Row]) -> None:
    always = [*given_rows, {"instruction": "a", "response": "b", "turns": [], "reasoning": "Hm."}]
    before, after = round_trip(always, form, "out.jsonl", Options(reasoning=reasoning))
    assert [row["reasoning"] or None for row in after] == [row["reasoning"] for row in before]
    assert said(after) == said(before)


PAIRS = rows(0, chosen=WORDS, rejected=WORDS)


@pytest.mark.parametrize(
    ("form", "to"), [("dpo", "out.jsonl"), ("dpo", "out.parquet"), ("rm", "out.jsonl"), ("axolotl-dpo", "out"),
                     ("llama-factory-dpo", "out")]
)  # fmt: skip
@ROWS
@given(PAIRS)
def test_pairs_come_back_as_texts(form: str, to: str, given_rows: list[Row]) -> None:
    before, after = round_trip(given_rows, form, to)
    names = ("instruction", "chosen", "rejected")
    assert [[row[name] for name in names] for row in after] == [[row[name] for name in names] for row in before]


@ROWS
@given(PAIRS)
def test_labels_of_responses_come_back(given_rows: list[Row]) -> None:
    before, after = round_trip(given_rows, "kto", "out.jsonl")
    wanted = [(row["instruction"], row[name], name == "chosen") for row in before for name in ("chosen", "rejected")]
    assert [(row["instruction"], row["response"], row["meta"]["label"]) for row in after] == wanted


@ROWS
@given(rows(0, language=st.sampled_from(["en", "de"]), instruct_reward=st.floats(-20, 20)))
def test_columns_beside_a_format_come_back(given_rows: list[Row]) -> None:
    names = ("language", "instruct_reward")
    before, after = round_trip(given_rows, "messages", "out.jsonl", Options(columns=names))
    assert [[row[name] for name in names] for row in after] == [[row[name] for name in names] for row in before]
