"""A selection is read by structure: its clauses in their author's words, and nothing that reads more than the rows."""

from __future__ import annotations

import pytest

from magpie.errors import RecipeError
from magpie.stages.select.reading import read_selection
from magpie.stages.select.selection import Asked, Quota, Selection

WHOLE = """-- The best, a few of each kind.
SELECT row FROM rows
WHERE input_quality >= 'good'   -- the judge's word
  AND (NOT is_repeat AND length(response) BETWEEN 10
    AND 4000)
  AND (safety = 'safe' OR safety IS NULL)
QUALIFY row_number() OVER (PARTITION BY task_category ORDER BY length(response) DESC, row) <= 1000
ORDER BY length(response) DESC, row
LIMIT 300000
"""


def where(*clauses: str, **more: object) -> Selection:
    return read_selection(Asked("SELECT row FROM rows", also=clauses, **more))  # type: ignore[arg-type]


def test_every_part_of_where_is_a_step_in_its_authors_words() -> None:
    assert read_selection(Asked(WHOLE)).steps() == [
        "input_quality >= 'good'",
        "NOT is_repeat",
        "length(response) BETWEEN 10 AND 4000",
        "safety = 'safe' OR safety IS NULL",
        "row_number() OVER (PARTITION BY task_category ORDER BY length(response) DESC, row) <= 1000",
        "limit",
    ]


def test_the_columns_that_it_reads_are_known_before_any_row_is() -> None:
    reads = read_selection(Asked(WHOLE)).reads
    assert set(reads) == {"input_quality", "is_repeat", "response", "safety", "task_category"}


def test_what_a_lambda_calls_its_own_is_no_column() -> None:
    assert where("len(list_filter(pii, lambda kind: kind <> 'url')) = 0").reads == ("pii",)


def test_a_table_name_before_a_column_and_a_field_behind_one_are_understood() -> None:
    assert where("rows.language = 'en'", "responses[1].model = 'a'").reads == ("language", "responses")


def test_words_are_the_authors_even_beyond_ascii() -> None:
    assert where("task_category <> 'Überblick'  AND   language = 'de'").steps() == [
        "task_category <> 'Überblick'",
        "language = 'de'",
    ]


def test_clauses_that_read_a_column_can_be_left_out_and_others_added() -> None:
    asked = Asked(WHOLE, also=("min_neighbor_distance > 0",), without=("is_repeat", "task_category"))
    steps = read_selection(asked).steps()
    assert "NOT is_repeat" not in steps
    assert "min_neighbor_distance > 0" in steps
    assert not any("task_category" in step for step in steps)


def test_leaving_out_what_no_clause_reads_is_told() -> None:
    with pytest.raises(
        RecipeError, match="without reward: no clause of the selection reads it; they read input_quality, is_repeat"
    ):
        read_selection(Asked(WHOLE, without=("reward",)))


def test_settings_win_over_the_texts_own_order_and_limit() -> None:
    asked = Asked(WHOLE, order="instruct_reward DESC", limit=7, quotas=(Quota("difficulty > 'easy'", 3),))
    settings = read_selection(asked).settings()
    assert (settings["limit"], settings["order"]) == (7, ["instruct_reward DESC NULLS LAST"])
    assert settings["quotas"] == [["difficulty > 'easy'", 3]]


def test_diverse_without_a_limit_would_drop_nothing() -> None:
    with pytest.raises(RecipeError, match="expected one of them"):
        where("true", diverse=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DELETE FROM rows", "Only SELECT"),
        ("SELECT row FROM rows; SELECT 1", "one plain SELECT"),
        ("SELECT row FROM rows UNION SELECT 1", "one plain SELECT"),
        ("SELECT row FROM read_csv('/etc/passwd')", "expected FROM rows"),
        ("SELECT row FROM '/etc/passwd'", "expected FROM rows"),
        ("SELECT row FROM rows, duckdb_settings()", "expected FROM rows"),
        ("SELECT row FROM rows r", "expected FROM rows"),
        ("WITH a AS (SELECT 1) SELECT row FROM rows", "WITH may not be used"),
        ("SELECT row FROM rows GROUP BY row", "GROUP BY may not be used"),
        ("SELECT row FROM rows GROUP BY ALL", "GROUP BY may not be used"),
        ("SELECT row FROM rows USING SAMPLE 10", "USING SAMPLE may not be used"),
        ("SELECT DISTINCT row FROM rows", "DISTINCT"),
        ("SELECT row FROM rows LIMIT 10 OFFSET 5", "OFFSET"),
        ("SELECT row FROM rows LIMIT 10%", "percent"),
        ("SELECT row FROM rows LIMIT 0", "LIMIT 0: expected a whole number, 1 or more"),
        ("SELECT instruction FROM rows", "expected SELECT row"),
        ("SELECT row FROM rows ORDER BY 1", "expected columns"),
        ("SELECT row FROM rows\nWHERE a =\n", r"line 2"),
    ],
)
def test_what_is_more_than_a_choice_of_rows_is_refused(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        read_selection(Asked(text))


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        ("row IN (SELECT row FROM read_parquet('x'))", "a query inside a clause"),
        ("random() < 0.5", "random may not be used"),
        ("now() > '2026-01-01'", "now may not be used"),
        ("uuid() = 'a'", "uuid may not be used"),
        ("current_setting('home_directory') = 'x'", "current_setting may not be used"),
        ("nextval('s') = 1", "nextval may not be used"),
        ("sleep_ms(10) IS NULL", "sleep_ms may not be used"),
        ("unnest([1, 2]) = 1", "unnest may not be used"),
        ("length(repeat(response, 1000000000)) > 1", "repeat may not be used: it makes much of little"),
        ("len(range(10000000000)) > 1", "range may not be used"),
        ("printf('%1000000000d', row) = ''", "printf may not be used"),
        ("avg(instruct_reward) > 1", "avg is over several rows: use it in QUALIFY"),
        ("rank() OVER (ORDER BY instruct_reward) = 1", "belongs into QUALIFY"),
        ("COLUMNS(*) IS NULL", "columns by name"),
        ("instruct_reward > ?", "expected a condition"),
        ("a > 1 ORDER BY b", "expected one expression"),
        ("a > 1) OR (b > 1", "syntax error"),
    ],
)
def test_a_clause_that_is_no_condition_on_a_row_is_refused_by_name(clause: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        where(clause)


@pytest.mark.parametrize(
    "clause", ["input_quality >= 'god'", "input_quality IN ('good', 'god')", "'god' = input_quality"]
)
def test_a_label_that_there_is_not_is_told_with_those_there_are(clause: str) -> None:
    with pytest.raises(RecipeError, match=r"'god' is none .*very poor, poor, average, good, excellent.* 'good'\?"):
        where(clause)


@pytest.mark.parametrize(
    "clause",
    [
        "lower(input_quality) >= 'good'",
        "coalesce(trim(input_quality), 'poor') >= 'good'",
        "CASE WHEN is_repeat THEN CAST(difficulty AS VARCHAR) END > 'easy'",
        "input_quality > difficulty",
    ],
)
def test_labels_are_never_compared_as_text(clause: str) -> None:
    with pytest.raises(RecipeError, match="compare the column itself with a label"):
        where(clause)


@pytest.mark.parametrize(
    "clause",
    [
        "coalesce(input_quality, 'god') >= 'good'",
        "coalesce(input_quality, 'poor') >= 'god'",
        "CASE WHEN is_repeat THEN 'god' ELSE input_quality END >= 'good'",
        "greatest(input_quality, 'average') BETWEEN 'average' AND 'god'",
    ],
)
def test_a_word_that_is_no_label_is_found_wherever_it_would_make_the_labels_texts(clause: str) -> None:
    with pytest.raises(RecipeError, match="'god' is none of the labels of input_quality"):
        where(clause)


def test_labels_over_several_rows_are_labels_too() -> None:
    share = read_selection(Asked("SELECT row FROM rows QUALIFY max(input_quality) OVER () >= 'good'")).shares[0]
    assert "CAST('good' AS label_input_quality)" in share.sql
    with pytest.raises(RecipeError, match="'god' is none of the labels"):
        read_selection(Asked("SELECT row FROM rows QUALIFY max(input_quality) OVER () >= 'god'"))


def test_leaving_a_column_out_leaves_what_is_added_for_it() -> None:
    """As the docs say it: another threshold is the old clause left out and a new one added."""
    asked = Asked(WHOLE, also=("is_repeat IS NOT NULL",), without=("is_repeat",))
    steps = read_selection(asked).steps()
    assert "NOT is_repeat" not in steps
    assert "is_repeat IS NOT NULL" in steps


def test_a_column_that_only_an_added_clause_reads_is_not_left_out_in_silence() -> None:
    with pytest.raises(RecipeError, match=r"no clause of the selection reads it; .*which is not left out"):
        read_selection(Asked(WHOLE, also=("language = 'en'",), without=("language",)))


def test_a_column_of_a_labels_name_that_holds_something_else_is_compared_as_what_it_is() -> None:
    asked = Asked("SELECT row FROM rows WHERE difficulty >= 3")
    assert read_selection(asked, labels=()).clauses[0].sql == "(difficulty >= 3)"


def test_a_selection_hundreds_of_expressions_deep_is_refused() -> None:
    with pytest.raises(RecipeError, match="nested more than 64 deep"):
        read_selection(Asked("SELECT row FROM rows WHERE " + "NOT " * 300 + "is_repeat"))
