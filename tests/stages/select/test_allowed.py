"""What SQL may do in a selection: an allow list, held against everything that the installed DuckDB has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from magpie.errors import RecipeError
from magpie.stages.select import functions, patterns
from magpie.stages.select.checks import check_expression
from magpie.stages.select.reading import read_selection
from magpie.stages.select.rows import Judged, check_selection
from magpie.stages.select.sandbox import sandbox
from magpie.stages.select.selection import Asked, Quota, Selection
from magpie.stages.select.trees import Parser, Tree, nodes

SCHEMA = pa.schema(
    {
        "row": pa.int64(),
        "instruction": pa.string(),
        "response": pa.string(),
        "created": pa.string(),
        "instruct_reward": pa.float64(),
        "is_repeat": pa.bool_(),
        "language": pa.string(),
        "pii": pa.list_(pa.string()),
        "embedding": pa.list_(pa.float32()),
        "turns": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
        "responses": pa.list_(pa.struct({"response": pa.string(), "model": pa.string(), "tokens": pa.int32()})),
    }
)


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with sandbox() as connection:
        yield Parser(connection)


@pytest.fixture(scope="module")
def described(parser: Parser) -> dict[str, list[dict[str, Any]]]:
    """Every function of the installed DuckDB, all forms of it, by name in lower case."""
    found = parser.connection.execute(
        "SELECT lower(function_name) AS name, function_type AS kind, stability, has_side_effects AS effects, "
        "parameter_types AS takes, macro_definition AS macro FROM duckdb_functions()"
    )
    names = [column[0] for column in found.description]
    forms = defaultdict(list)
    for values in found.fetchall():
        form = dict(zip(names, values, strict=True))
        forms[form["name"]].append(form)
    return dict(forms)


def selected(clause: str, **more: Any) -> Selection:
    selection = read_selection(Asked("SELECT row FROM rows", also=(clause,), **more))
    check_selection(selection, SCHEMA)
    return selection


def call(parser: Parser, name: str) -> Tree:
    """A call of a function, as if an author had written its name."""
    tree = parser.expression("lower(response)")
    return {**tree, "function_name": name, "qualified_name": {"path": [name]}}


def test_every_function_of_duckdb_is_in_the_list_or_refused_by_name(
    parser: Parser, described: dict[str, list[dict[str, Any]]]
) -> None:
    assert len(described) > 800
    refused = sorted(set(described) - functions.SCALAR)
    for name in refused:
        with pytest.raises(RecipeError) as raised:
            check_expression(call(parser, name), f"{name}(response)")
        assert str(raised.value).startswith(f"{name}(response): {name} ")
        assert "may not be used" in str(raised.value) or "use it in QUALIFY" in str(raised.value)


def test_the_list_has_only_functions_that_duckdb_has(described: dict[str, list[dict[str, Any]]]) -> None:
    written_by_the_parser = {"count_star"}
    assert not (functions.SCALAR | functions.WINDOW) - set(described) - written_by_the_parser


def test_no_function_in_the_list_hangs_on_anything_but_its_arguments(
    described: dict[str, list[dict[str, Any]]],
) -> None:
    for name in functions.SCALAR | functions.WINDOW:
        for form in described.get(name, []):
            assert not form["effects"], name
            assert form["stability"] in ("CONSISTENT", None) or _has_time_zone(form), (name, form)
            assert form["kind"] in ("scalar", "macro", "aggregate", "window"), (name, form)


def _has_time_zone(form: dict[str, Any]) -> bool:
    """Such values cannot be had in a selection, and the zone is UTC on every machine."""
    return any("TIME ZONE" in taken or "TZ" in taken for taken in form["takes"])


def test_macros_in_the_list_are_made_of_consistent_functions(
    parser: Parser, described: dict[str, list[dict[str, Any]]]
) -> None:
    macros = [form for name in functions.SCALAR for form in described.get(name, []) if form["kind"] == "macro"]
    assert {"list_sum", "nullif", "split_part"} <= {form["name"] for form in macros}
    for macro in macros:
        for node in nodes(parser.expression(macro["macro"])):
            for form in described.get(str(node.get("function_name", "")).lower(), []):
                assert form["stability"] in ("CONSISTENT", None), (macro, form)


def test_a_function_that_nobody_has_heard_of_is_refused() -> None:
    with pytest.raises(RecipeError, match="brand_new may not be used: it is not in the list of allowed functions"):
        selected("brand_new(response) = 1")


def test_a_kind_of_expression_that_nobody_has_heard_of_is_refused(parser: Parser) -> None:
    tree = {**parser.expression("NOT is_repeat"), "class": "BRAND_NEW"}
    with pytest.raises(RecipeError, match="expected a condition on columns"):
        check_expression(tree, "x")
    operator = {**parser.expression("NOT is_repeat"), "type": "OPERATOR_BRAND_NEW"}
    with pytest.raises(RecipeError, match="brand_new may not be used"):
        check_expression(operator, "x")


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        # It sleeps, or hangs on the time, the machine, the version or the session.
        ("pg_sleep(20) IS NULL", "pg_sleep may not be used: the same row has to give the same answer"),
        ("CURRENT_TIMESTAMP > '2026-01-01'", "current_timestamp may not be used: the same row"),
        ("current_date > '2026-01-01'", "current_date may not be used"),
        ("localtime IS NULL", "localtime may not be used"),
        ("current_user = 'me'", "current_user may not be used"),
        ("now() > '2026-01-01'", "now may not be used: the same row"),
        ("today() > '2026-01-01'", "today may not be used"),
        ("get_current_timestamp() IS NULL", "get_current_timestamp may not be used"),
        ("age(CAST(created AS TIMESTAMP)) > INTERVAL 1 DAY", "age may not be used"),
        ("version() = 'v2'", "version may not be used: the same row"),
        ("random() < 0.5", "random may not be used"),
        ("hash(response) % 10 = 0", "hash may not be used: .*did you mean md5_number"),
        ("uuid() = ''", "uuid may not be used"),
        ("txid_current() > 1", "txid_current may not be used"),
        ("pg_typeof(response) = ''", "pg_typeof may not be used"),
        ("CAST(created AS TIMESTAMPTZ) > CAST('2026-01-01' AS TIMESTAMPTZ)", "values may not be cast to timestamptz"),
        ("CAST(created AS TIMESTAMP) AT TIME ZONE 'Europe/Berlin' IS NULL", "timezone may not be used"),
        # It reads something else than the row.
        ("getenv('HOME') = ''", "getenv may not be used: a selection reads the row's columns and nothing else"),
        ("current_setting('threads') = '1'", "current_setting may not be used: a selection reads"),
        ("getvariable('x') = 1", "getvariable may not be used"),
        ("read_text('/etc/passwd') = ''", "read_text may not be used: a selection reads"),
        ("row IN (SELECT row FROM read_csv('/etc/passwd'))", "a query inside a clause"),
        ("EXISTS (FROM duckdb_settings())", "a query inside a clause"),
        ("row = (WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT count(*) FROM r)", "a query inside"),
        ("response = ANY (pii)", "a query inside a clause"),
        ("pg_catalog.lower(response) = ''", "pg_catalog.lower may not be used: expected a function by its plain name"),
        ("response.lower() = ''", "response.lower may not be used: expected a function by its plain name"),
        ("rowid = 1", "no column is called 'rowid'"),
        ("rows IS NULL", "no column is called 'rows'"),
        ("incoming.response = ''", "no column is called 'incoming'"),
        ("len(list_filter(pii, lambda localtime: true)) = 0 OR localtime IS NULL", "localtime may not be used"),
        ("len(list_filter(pii, lambda user: true)) = 0 OR user IS NULL", "no column is called 'user'"),
        ("(user -> '$') IS NULL", "-> is only for lambdas"),
        # It makes much of little.
        ("list_reduce(pii, lambda a, b: a || b || a) = ''", "list_reduce may not be used: it makes much of little"),
        ("bitstring('1', 2000000000) IS NULL", "bitstring may not be used: it makes much of little"),
        ("length(repeat(response, 1000000000)) > 1", "repeat may not be used: it makes much"),
        ("len(range(10000000000)) > 1", "range may not be used: it makes much"),
        ("len(generate_series(1, 10000000000)) > 1", "generate_series may not be used"),
        ("length(lpad(response, 2000000000, ' ')) > 1", "lpad may not be used"),
        ("length(rpad(response, 2000000000, ' ')) > 1", "rpad may not be used"),
        ("printf('%2000000000d', row) = ''", "printf may not be used"),
        ("format('{:>2000000000}', row) = ''", "format may not be used"),
        ("bar(instruct_reward, 0, 1, 1000000) = ''", "bar may not be used"),
        ("len(list_resize(pii, 2000000000)) > 1", "list_resize may not be used"),
        ("len(list_select(pii, [1, 1, 1])) > 1", "list_select may not be used"),
        ("list_aggregate(pii, 'string_agg', response) = ''", "list_aggregate may not be used"),
        ("unnest([1, 2]) = 1", "unnest may not be used: it makes several rows of one"),
        ("CAST(NULL AS INT[100000]) IS NULL", "values may not be cast to array"),
        ("CAST(response AS BIT) IS NULL", "values may not be cast to bit"),
        ("CAST(response AS ENUM('a', 'b')) IS NULL", "values may not be cast to enum"),
        # It takes time that grows faster than the row.
        ("levenshtein(instruction, response) < 5", "levenshtein may not be used: its time grows with the product"),
        ("jaro_winkler_similarity(instruction, response) < 5", "jaro_winkler_similarity may not be used"),
        # It is for other things.
        ("lenth(response) > 3", "lenth may not be used: .*; did you mean length"),
        ("regexp_match(response, 'a')", "regexp_match may not be used: .*; did you mean regexp_matches"),
        ("avg(instruct_reward) > 1", r"avg is over several rows: use it in QUALIFY, with OVER \(...\)"),
        ("lower(DISTINCT response) = ''", r"DISTINCT, ORDER BY and FILTER in lower\(...\)"),
        ("json_serialize_sql(response) = ''", "json_serialize_sql may not be used"),
        ("from_json(response, '[\"VARCHAR\"]') IS NULL", "from_json may not be used"),
        ("struct_insert(responses[1], a := 1) IS NULL", "struct_insert may not be used"),
        ("response COLLATE de > 'a'", "COLLATE de may not be used; expected NOCASE"),
        ("row = #1", "expected a condition"),
        ("row = $1", "expected a condition"),
    ],
)
def test_what_a_selection_may_not_use_is_refused_by_name(clause: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        selected(clause)


@pytest.mark.parametrize(
    "clause",
    [
        "instruct_reward BETWEEN -12 AND 3 AND instruct_reward <> 0",
        "NOT is_repeat OR is_repeat IS NULL",
        "language IN ('en', 'de') AND language IS DISTINCT FROM 'fr'",
        "row % 10 = 0 AND md5_number_lower(response) % 10 < 3",
        "abs(round(instruct_reward, 1)) >= floor(instruct_reward) + 0.5 * sqrt(2)",
        "instruct_reward > -1e3 AND isfinite(instruct_reward)",
        "length(response) > 2 * length(instruction) + 10",
        "lower(trim(response)) LIKE 'sure%' OR response NOT ILIKE '%as an ai%'",
        "NOT ends_with(instruction, ':') AND NOT starts_with(response, 'I cannot') AND contains(response, 'a')",
        "regexp_matches(response, '(?i)as an ai (language )?model') AND response !~ '[0-9]{4}'",
        "regexp_extract(response, '####\\s*(-?\\d+)', 1) <> ''",
        "len(regexp_extract_all(response, '\\w+')) BETWEEN 3 AND 1000",
        "length(regexp_replace(response, '\\s+', ' ', 'g')) > 10",
        "length(replace(response, ' ', '')) > 10",
        "len(string_split(response, ' ')) / len(list_distinct(string_split(lower(response), ' '))) < 5",
        "split_part(instruction, ' ', 1) IN ('What', 'How')",
        "response[1] <> ' ' AND substring(response, 1, 3) <> 'abc' AND left(response, 3) || right(response, 3) <> ''",
        "concat_ws(' ', instruction, response) <> ''",
        "coalesce(language, 'en') = 'en' AND ifnull(instruct_reward, 0) > -1 AND nullif(language, '') IS NOT NULL",
        "CASE language WHEN 'en' THEN length(response) > 10 WHEN 'zh' THEN length(response) > 5 ELSE true END",
        "if(is_repeat, instruct_reward, 0) > greatest(1, 2) - least(3, instruct_reward)",
        "TRY_CAST(response AS DOUBLE) > 3 AND CAST(row AS VARCHAR) <> '3' AND TRY(CAST(response AS INT)) IS NULL",
        "year(CAST(created AS DATE)) >= 2025 AND date_part('month', CAST(created AS TIMESTAMP)) = 3",
        "date_diff('day', DATE '2026-01-01', CAST(created AS DATE)) > 3",
        "CAST(created AS TIMESTAMP) > TIMESTAMP '2026-01-01' + INTERVAL 3 DAY",
        "len(pii) = 0 AND NOT list_contains(pii, 'email') AND NOT list_has_any(pii, ['url', 'phone']) AND 'a' IN pii",
        "len(list_filter(pii, lambda kind: kind <> 'url' AND kind NOT IN ('email', 'telephone number'))) = 0",
        "len([kind for kind in pii if kind <> 'url']) = 0",
        "list_sum(list_transform(turns, lambda turn: length(turn.content))) > 100",
        "list_max(list_transform(responses, lambda r: r.tokens)) < 1000 AND responses[1].model = 'a'",
        "len(list_filter(responses, lambda r, i: r.response = rows.response AND i > 1)) = 0",
        "array_to_string(pii, ', ') = 'a, b'",
        "list_cosine_similarity(embedding, embedding) > 0.9",
        "response COLLATE NOCASE = 'yes'",
        "json_extract_string(response, '$.answer') = '4' AND response ->> 'a' = 'b' AND json_valid(response)",
        "{'a': row}.a > 3 AND (row, language) > (3, 'de')",
        "row IS TRUE OR row IS NOT NULL",
    ],
)
def test_what_is_useful_on_rows_is_allowed(clause: str) -> None:
    selection = selected(clause)
    row = {
        "row": 3,
        "instruction": "What is 3?",
        "response": "It is 3",
        "created": "2026-03-01",
        "instruct_reward": 1.5,
        "is_repeat": False,
        "language": "en",
        "pii": ["url", "email"],
        "embedding": [0.5, 1.0],
        "turns": [{"role": "user", "content": "And 4?"}],
        "responses": [{"response": "It is 3", "model": "a", "tokens": 3}],
    }
    if "json" in clause:
        row["response"] = '{"answer": "4", "a": "b"}'
    with Judged(selection) as judged:
        judged.take([pa.RecordBatch.from_pylist([row, {"row": 4}], SCHEMA)])
        judged.settle()


@pytest.mark.parametrize(
    "share",
    [
        "row_number() OVER (PARTITION BY language ORDER BY instruct_reward DESC) <= 10",
        "percent_rank() OVER (ORDER BY instruct_reward) >= 0.5 AND ntile(4) OVER (ORDER BY row) > 1",
        "instruct_reward > avg(instruct_reward) OVER (PARTITION BY language)",
        "count(*) OVER (PARTITION BY lower(instruction)) = 1 AND count(DISTINCT language) OVER () > 1",
        "instruct_reward > quantile_cont(instruct_reward, 0.9) FILTER (NOT is_repeat) OVER ()",
        "instruction <> lag(instruction, 1, '') OVER (ORDER BY row)",
        "sum(length(response)) OVER (ORDER BY row ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) < 1000",
        "first_value(row) OVER (PARTITION BY md5(instruction) ORDER BY instruct_reward DESC) = row",
    ],
)
def test_windows_in_qualify_are_allowed(share: str) -> None:
    check_selection(read_selection(Asked(f"SELECT row FROM rows QUALIFY {share}")), SCHEMA)


@pytest.mark.parametrize(
    ("share", "told"),
    [
        ("len(list(response) OVER ()) > 1", "list may not be used: it makes much of little"),
        ("string_agg(response, '') OVER () = ''", "string_agg may not be used"),
        ("any_value(response) OVER () = ''", "any_value may not be used"),
        ("approx_quantile(instruct_reward, 0.5) OVER () > 1", "approx_quantile may not be used"),
        ("reservoir_quantile(instruct_reward, 0.5) OVER () > 1", "reservoir_quantile may not be used"),
        ("lower(response) OVER () = ''", "lower is not over several rows: expected it without OVER"),
        ("max(random()) OVER () > 1", "random may not be used"),
        (
            "sum(row) OVER (ORDER BY row ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) > 1",
            "EXCLUDE may not be used",
        ),
        ("sum(row) OVER (ORDER BY pg_sleep(20)) > 1", "pg_sleep may not be used"),
        ("sum(row) FILTER (now() IS NULL) OVER () > 1", "now may not be used"),
        ("sum(row) OVER (ORDER BY row ROWS BETWEEN random() PRECEDING AND CURRENT ROW) > 1", "random may not"),
    ],
)
def test_windows_that_are_not_in_the_list_are_refused(share: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        read_selection(Asked(f"SELECT row FROM rows QUALIFY {share}"))


def test_orders_quotas_and_bands_are_held_to_the_same_list() -> None:
    hostile = "row + random()"
    settings: tuple[dict[str, Any], ...] = (
        {"order": hostile}, {"bands": hostile, "diverse": True}, {"quotas": (Quota(hostile, 3),)},
    )  # fmt: skip
    for setting in settings:
        with pytest.raises(RecipeError, match="may not be used"):
            read_selection(Asked("SELECT row FROM rows", limit=3, **setting))
    with pytest.raises(RecipeError, match="limit is a setting"):
        read_selection(Asked("SELECT row FROM rows", order="row LIMIT 3"))
    for text in ("row > 1 GROUP BY row", "row > 1 USING SAMPLE 3"):
        with pytest.raises(RecipeError, match=r"expected one expression|syntax error"):
            selected(text)


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        ("length(replace(response, 'a', '" + "a" * 70 + "')) > 1", "values more than 64 times as large"),
        ("length(" + "replace(" * 3 + "response" + ", 'a', 'aaaaaaaa')" * 3 + ") > 1", "64 times"),
        ("length(replace(response, 'a', response)) > 1", "replace: what to put there has to be written out"),
        ("length(replace(response, response, 'a')) > 1", "replace: what to look for has to be written out"),
        ("length(regexp_replace(response, '', '" + "x" * 100 + "', 'g')) > 1", "64 times"),
        ("length(regexp_replace(response, '(.*)', '" + r"\1" * 40 + "', 'g')) > 1", "64 times"),
        ("length(array_to_string(string_split(response, ''), response)) > 1", "the separator has to be written out"),
        ("length(array_to_string(string_split(response, ''), '" + "x" * 100 + "')) > 1", "64 times"),
        ("length(concat(" + ", ".join(["response"] * 65) + ")) > 1", "64 times"),
        ("length(list_transform([response], lambda t: concat(" + ", ".join(["t"] * 65) + "))[1]) > 1", "long constant"),
        ("len(list_transform(string_split(response, ''), lambda c: response)) > 1", "another column"),
        ("len(list_transform(string_split(response, ''), lambda c: concat(c, response))) > 1", "another column"),
        ("len(list_filter(pii, lambda a: len(list_filter(pii, lambda b: a = b)) > 1)) > 1", "inside a lambda"),
        ("length(concat_ws(response, " + ", ".join(["'a'"] * 70) + ")) > 1", "64 times"),
        ("nullif(" * 6 + "row" + ", 1)" * 6 + " > 1", "nullif is nested in itself"),
        ("regexp_matches(response, instruction)", "the pattern has to be written out"),
        ("regexp_matches(response, 'a' || 'b')", "the pattern has to be written out"),
        ("regexp_matches(response, '(a?){1000}(a?){1000}(a?){1000}(a?){1000}b')", "the pattern has 8,001 characters"),
        ("regexp_matches(response, '((a{0,100}){0,100}){0,10}b')", "the pattern has 100,001 characters"),
        ("json_extract_string(response, '$..*') = ''", "expected a JSON path that is written out, without"),
        ("json_extract_string(response, instruction) = ''", "expected a JSON path that is written out"),
    ],
)  # fmt: skip
def test_what_would_make_much_of_a_text_is_refused(clause: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        selected(clause)


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("abc", 3),
        (r"\d{4}-\d{2}-\d{2}", 10),
        ("(ab{2,3}){10}", 40),
        ("((a{100}){10}){3}", 3000),
        ("a{5,}", 5),
        ("[^]a-z]{3}x", 13),
        (r"\x{10FFFF}{2}\{3}", 5),
        (r"\pL{3}\p{Greek}", 400),
        ("a{,3}", 5),
        ("(((", 0),
        (")))", 3),
        ("[", 4),
    ],
)
def test_a_pattern_counts_with_its_repetitions_written_out(pattern: str, size: int) -> None:
    assert patterns.size(pattern) == size


def test_rows_that_order_by_leaves_equal_are_numbered_by_row() -> None:
    text = "SELECT row FROM rows QUALIFY row_number() OVER (PARTITION BY language) <= 2"
    rows = [{"row": row, "language": "en"} for row in range(3000)]
    with Judged(read_selection(Asked(text))) as judged:
        judged.take(pa.RecordBatch.from_pylist(rows[at : at + 100], SCHEMA) for at in range(0, 3000, 100))
        judged.settle()
        kept = [row for table in judged.fates("no") for row in table.to_pylist() if row["drop_reason"] is None]
    assert [row["row"] for row in kept] == [0, 1]
