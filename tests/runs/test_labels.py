"""Labels compare in their order wherever SQL asks for them, and queries without them are left as they are."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from magpie.columns import LABELS
from magpie.errors import RunError
from magpie.imports import import_dataset
from magpie.runs import Run
from magpie.runs.labels import tokens, typed

GOOD = "CAST('good' AS label_input_quality)"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A row for each quality, one for a word that is none, one without."""
    folder = tmp_path_factory.mktemp("run")
    labels = [*LABELS["input_quality"], "Excellent ", "superb", None]
    rows = [{"instruction": "Hi.", "response": "good", "input_quality": label} for label in labels]
    (folder / "set.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return import_dataset(folder / "set.jsonl", folder / "run")[0]


def found(run: Run, clause: str) -> list[str]:
    return list(run.sql(f"SELECT input_quality AS q FROM rows WHERE {clause} ORDER BY row").column("q").to_pylist())


@pytest.mark.parametrize(
    ("clause", "labels"),
    [
        ("input_quality >= 'good'", ["good", "excellent", "excellent"]),
        ("input_quality < 'average'", ["very poor", "poor"]),
        ("rows.input_quality BETWEEN 'poor' AND 'good'", ["poor", "average", "good"]),
        ("coalesce(input_quality, 'very poor') <= 'very poor'", ["very poor", None, None]),
        ("input_quality = 'good' OR response = 'x'", ["good"]),
        ("input_quality = (SELECT max(input_quality) FROM rows)", ["excellent", "excellent"]),
        ("row IN (SELECT row FROM (SELECT row, input_quality AS q FROM rows) WHERE q > 'good')", ["excellent"] * 2),
        ("row IN (SELECT row FROM import WHERE input_quality > 'good')", ["excellent"] * 2),
        ("contains(response, 'good') AND input_quality = 'poor'", ["poor"]),
    ],
)
def test_labels_compare_in_their_order_wherever_they_stand(run: Run, clause: str, labels: list[str | None]) -> None:
    assert found(run, clause) == labels


def test_labels_sort_in_their_order_and_come_out_as_texts(run: Run) -> None:
    query = "SELECT DISTINCT input_quality AS q, [input_quality] AS l FROM rows ORDER BY q NULLS LAST"
    table = run.sql(query)
    assert table.column("q").to_pylist() == [*LABELS["input_quality"], None]
    assert str(table.schema.field("q").type) == "string"
    assert str(table.schema.field("l").type.value_type) == "string"
    assert all(str(batch.schema.field("input_quality").type) == "string" for batch in run.batches())


@pytest.mark.parametrize(
    "clause",
    ["input_quality >= 'god'", "'god' < input_quality", "input_quality NOT IN ('good', 'god')",
     "input_quality BETWEEN 'poor' AND 'god'"],
)  # fmt: skip
def test_a_word_that_is_no_label_is_a_mistake_in_a_line(run: Run, clause: str) -> None:
    with pytest.raises(RunError, match=r"'god' is none of the labels of input_quality .*did you mean 'good'"):
        found(run, clause)


@pytest.mark.parametrize(
    ("query", "typed_query"),
    [
        ("a = 'good' -- 'good'", f"a = {GOOD} -- 'good'"),
        ("/* 'good' */ 'good'", f"/* 'good' */ {GOOD}"),
        ("\"good\" = 'goods' AND E'good' <> $$good$$", None),
        ("SELECT 1 AS 'good'", None),
        ("'it''s good' = x", None),
        ("\u00e9 = 'good'", f"\u00e9 = {GOOD}"),
        ("'unfinished", None),
        ("{'good': 'good', 'poor' : 1}", f"{{'good': {GOOD}, 'poor' : 1}}"),
        ("a = 'good' /* x */ AS /* y */ 'good'", f"a = {GOOD} /* x */ AS /* y */ 'good'"),
    ],
)
def test_only_labels_in_quotes_are_typed(query: str, typed_query: str | None) -> None:
    assert typed(query) == (query if typed_query is None else typed_query)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_a_query_without_labels_is_left_as_it_is(query: str) -> None:
    if not any(label in query for labels in LABELS.values() for label in labels):
        assert typed(query) == query
    assert all(token.start < len(query.encode()) for token in tokens(query))
