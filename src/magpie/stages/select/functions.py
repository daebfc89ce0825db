"""The functions, operators and types that a selection may use: an allow list. What is not in it is refused.

A function is here because it gives the same result for the same row on every day and machine, reads nothing but its
arguments, takes time that is about linear in them, and makes a result that is bounded by them. A test holds these names
against all that DuckDB has.
"""

from __future__ import annotations

from difflib import get_close_matches


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIXED = _names("""
    - * / // % ** ^ @ & | << >> ~ && @> <@ ^@
    ~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape
    abs ceil ceiling cbrt exp floor fmod isfinite isinf isnan ln log log10 log2 mod pow power round sign sqrt trunc xor
    add subtract multiply divide
    ascii bit_count bit_length char_length character_length chr contains ends_with instr jaccard len length
    length_grapheme md5 md5_number md5_number_lower md5_number_upper octet_length ord position prefix
    regexp_full_match regexp_matches sha1 sha256 starts_with strlen strpos suffix unicode
    date_diff date_part date_trunc datediff datepart datetrunc day dayname dayofmonth dayofweek dayofyear epoch hour
    isodow isoyear last_day make_date minute month monthname quarter second week weekday weekofyear year
    to_days to_hours to_milliseconds to_microseconds to_minutes to_months to_quarters to_seconds to_weeks to_years
    array_contains array_has array_has_all array_has_any array_length array_position list_contains list_has
    list_has_all list_has_any list_position list_unique
    list_cosine_similarity list_distance list_dot_product
    list_avg list_bool_and list_bool_or list_count list_median list_product list_stddev_pop list_stddev_samp list_sum
    list_var_pop list_var_samp
    json_array_length json_exists json_type json_valid
""")
"""Their results have a fixed size: numbers, truth values, dates, digests."""

LINEAR = _names("""
    + || concat greatest if least nullif
    lcase left lower ltrim nfc_normalize reverse right rtrim strip_accents substr substring substring_grapheme trim
    ucase upper
    regexp_extract regexp_extract_all regexp_split_to_array
    split split_part str_split str_split_regex string_split string_split_regex string_to_array
    array_append array_cat array_concat array_distinct array_extract array_filter array_intersect array_prepend
    array_reverse array_reverse_sort array_slice array_sort filter flatten list_any_value list_append list_cat
    list_concat list_distinct list_element list_extract list_filter list_first list_intersect list_last list_max
    list_min list_prepend list_reverse list_reverse_sort list_slice list_sort list_value
    row struct_extract struct_pack
    ->> json_extract json_extract_string
""")
"""Their results are at most as large as their arguments together."""

GROWING = _names("""
    array_to_string array_transform concat_ws list_apply list_transform array_apply apply regexp_replace replace
""")
"""Their results may be larger than their arguments; `checks` bounds by how much."""

SCALAR = FIXED | LINEAR | GROWING

WINDOW = _names("""
    avg bool_and bool_or count count_if count_star cume_dist dense_rank first_value lag last_value lead max median min
    nth_value ntile percent_rank quantile_cont quantile_disc rank rank_dense row_number stddev stddev_pop stddev_samp
    sum var_pop var_samp variance
""")
"""Over several rows, in QUALIFY."""

PLACED = _names("first_value lag last_value lead nth_value ntile row_number")
"""Those of `WINDOW` whose results hang on the order of rows that ORDER BY leaves equal."""

COPYING = _names("array_to_string nullif split_part")
"""DuckDB writes their arguments out more than once when it binds them: nested, they multiply."""

PATTERN = _names("""
    regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array
    str_split_regex string_split_regex
""")
"""Their second argument is a regular expression."""

JSON_PATH = _names("->> json_array_length json_exists json_extract json_extract_string json_type")
"""Their second argument is a JSON path."""

LAMBDA_BODY = _names("""
    apply array_apply array_filter array_transform filter list_apply list_filter list_transform
""")
"""What takes a lambda."""

TYPES = _names("""
    bigint bool boolean bpchar char date datetime dec decimal double float float4 float8 hugeint int int1 int2 int4 int8
    int16 int32 int64 int128 integer interval json list logical long numeric real short signed smallint string struct
    text time timestamp tinyint ubigint uhugeint uint8 uint16 uint32 uint64 uint128 uinteger usmallint utinyint varchar
""")
"""What a value may be cast to. Types with a time zone are not here: they hang on a setting."""

COLLATIONS = _names("binary c nfc noaccent nocase posix")

OPERATORS = frozenset({
    "ARRAY_CONSTRUCTOR", "ARRAY_EXTRACT", "ARRAY_SLICE", "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE",
    "OPERATOR_IS_NOT_NULL", "OPERATOR_IS_NULL", "OPERATOR_NOT", "OPERATOR_TRY", "STRUCT_EXTRACT",
})  # fmt: skip
"""Kinds of the parser's class OPERATOR."""

NODES = frozenset({
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
    "OPERATOR", "TYPE",
})  # fmt: skip
"""Classes of the parser's expressions."""

VALUES = _names("""
    current_catalog current_date current_role current_schema current_time current_timestamp current_user localtime
    localtimestamp session_user
""")
"""What SQL has without brackets and without a column of that name."""

_CHANGES = _names("""
    age current_connection_id current_query current_query_id current_transaction_id currval error gen_random_uuid
    get_current_time get_current_timestamp hash nextval now pg_sleep random reservoir_quantile setseed setval sleep_ms
    stats today transaction_timestamp txid_current uuid uuidv4 uuidv7 vector_type version write_log
""")
_OUTSIDE = _names("""
    current_database current_schemas current_setting getenv getvariable glob in_search_path parquet_scan read_blob
    read_csv read_csv_auto read_json read_json_auto read_ndjson read_parquet read_text which_secret
""")
_MULTIPLIES = _names("""
    array_reduce array_resize array_zip bar bitstring format generate_series list list_reduce list_resize list_select
    list_zip lpad printf range reduce repeat rpad string_agg
""")
_SLOW = _names("""
    damerau_levenshtein editdist3 jaro_similarity jaro_winkler_similarity levenshtein
""")
_SEVERAL_ROWS = frozenset({"unnest", "unlist"})

_INSTEAD = {"hash": "md5_number", "levenshtein": "jaccard", "typeof": "TRY_CAST"}


def refusal(name: str) -> str:
    """Why a function may not be used, and what may.

    Example: `refusal("lenth")` is "lenth may not be used: it is not in the list of allowed functions; did you mean
    length?".
    """
    if name in WINDOW:
        return f"{name} is over several rows: use it in QUALIFY, with OVER (...)"
    return f"{name} may not be used: {_reason(name)}; {_hint(name)}"


def _reason(name: str) -> str:
    if name in _CHANGES or name in VALUES:
        return "the same row has to give the same answer, tomorrow and on another machine"
    if name in _OUTSIDE:
        return "a selection reads the row's columns and nothing else"
    if name in _MULTIPLIES:
        return "it makes much of little, beyond any bound on memory"
    if name in _SLOW:
        return "its time grows with the product of two texts"
    if name in _SEVERAL_ROWS:
        return "it makes several rows of one"
    return "it is not in the list of allowed functions"


def _hint(name: str) -> str:
    near = [_INSTEAD[name]] if name in _INSTEAD else get_close_matches(name, sorted(SCALAR | WINDOW), n=3, cutoff=0.7)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "expected one such as length, lower, regexp_matches or list_contains (docs/selection.md lists them)"
