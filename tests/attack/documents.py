"""Documents of strangers, from a seed: conditions in SQL, recipes in YAML, journals with damage.

Each begins as something valid and is then bent: parts are left out, doubled, exchanged or replaced with what has a
meaning of its own to the reader. `python -m bench.campaign` runs thousands of each; CI runs a slice.
"""
# ruff: noqa: E501 (tables)

from __future__ import annotations

import json
import random
from typing import Any

from tests.attack.hostile import Hostile

COLUMNS = ("row", "instruction", "response", "instruct_reward", "is_repeat", "input_quality", "pii", "messages")
_OPERANDS = (
    *COLUMNS, "nothing_of_the_kind", "1", "-0.5", "1e400", "9" * 40, "NULL", "TRUE", "'good'", "'it''s'", "E'\\x41'", "$$x$$", "DATE '2024-99-99'",
    "[1, 2]", "{'a': 1}", "x'00'", "?", ":name", "$1", "*", "CURRENT_TIMESTAMP", "rowid", "(SELECT 1)", "(SELECT row FROM rows)", "INTERVAL 1 YEAR",
)  # fmt: skip
_FUNCTIONS = (
    "length", "lower", "contains", "regexp_matches", "coalesce", "abs", "list_contains", "len", "round", "least", "count", "sum", "row_number",
    "pg_sleep", "version", "getenv", "read_csv", "read_text", "glob", "current_setting", "random", "nextval", "query", "list_reduce", "repeat",
    "range", "generate_series", "bitstring", "error", "hash", "duckdb_functions", "printf", "format", "sha256", "nothing_of_the_kind",
)  # fmt: skip
_INFIX = (
    "AND",
    "OR",
    "=",
    "<>",
    "<",
    ">=",
    "LIKE",
    "ILIKE",
    "IN",
    "||",
    "+",
    "/",
    "%",
    "**",
    "IS DISTINCT FROM",
    "SIMILAR TO",
    "->",
    "::",
    "~",
)
_STATEMENTS = (
    "; DROP TABLE rows", "; COPY rows TO 'x.csv'", "; ATTACH 'x.db'", "; INSTALL httpfs", "; PRAGMA version", " UNION SELECT 1", " -- ", " /* ",
    " LIMIT 1", " GROUP BY row", " HAVING 1", " WINDOW w AS ()", " QUALIFY row_number() OVER () = 1", "; SET memory_limit = '1TB'", " OFFSET -1",
)  # fmt: skip


def sql_condition(dice: random.Random) -> str:
    """What somebody may write behind `--where`."""
    text = _expression(dice, 3)
    if dice.random() < 0.3:
        text += dice.choice(_STATEMENTS)
    return _bent(text, dice) if dice.random() < 0.5 else text


def _expression(dice: random.Random, depth: int) -> str:
    shape = dice.random()
    if depth == 0 or shape < 0.25:
        return (
            dice.choice(_OPERANDS)
            if dice.random() < 0.8
            else "'" + Hostile(dice.random()).text().replace("'", "''") + "'"
        )
    if shape < 0.6:
        return f"{_expression(dice, depth - 1)} {dice.choice(_INFIX)} {_expression(dice, depth - 1)}"
    if shape < 0.8:
        given = ", ".join(_expression(dice, depth - 1) for _ in range(dice.randint(0, 3)))
        return f"{dice.choice(_FUNCTIONS)}({given})"
    wrapped = _expression(dice, depth - 1)
    forms = ("({})", "NOT {}", "-{}", "{} IS NULL", "CASE WHEN {} THEN 1 END", "CAST({} AS VARCHAR)", "[x FOR x IN [{}]]", "list_transform([{}], x -> x)", "({}) OVER ()", "EXISTS (SELECT {})", "{} BETWEEN 0 AND 1")  # fmt: skip
    return dice.choice(forms).replace("{}", wrapped)


RECIPE = """\
name: mine
about: What it is
model: fledgling
size: 1000
seed: 7
instruct: {sampling: {temperature: 1.0, top_p: 0.99, max_tokens: 500, stop: ["\\n\\n"]}}
screen: {min_chars: 5, language: {allowed: [en, de]}}
dedup: {}
embed: {embedder: hashing}
neighbors: {}
tag: {tags: [quality, difficulty]}
shortlist: {keep: "input_quality >= 'good'"}
respond: {n: 2, sampling: {temperature: 0.8}}
reward: {by: judge}
select: {order: "instruct_reward DESC", limit: 10, quotas: [{by: language, most: 5}]}
"""
_SCALARS = (
    "!!python/object/apply:os.system [id]", "!!binary aGk=", "!!float x", "&a [*a]", "*nothing", "<<: {a: 1}", "2024-99-99", "0o777", "1_000", ".inf",
    ".nan", "-1", "9" * 6000, "1e999", "~", "null", "yes", "on", "[]", "{}", "? a", "|\n  x", ">-\n", "'", '"', "%TAG ! x", "---", "...", "\t", "@x", "`x`",
    "[" * 500, "{a: " * 200, "~nosuchuser/x", "/dev/zero", "/etc/passwd", "../../x", "http://u:p@h/v1", "${HOME}", "{{ x }}", "\u202e", "\ufeff", "true",
)  # fmt: skip


def yaml_recipe(dice: random.Random) -> str:
    """A recipe as a stranger's file may be."""
    lines = RECIPE.splitlines()
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(lines))
        head, colon, value = lines[place].partition(":")
        bent = dice.random()
        if bent < 0.4:
            lines[place] = f"{head}{colon} {dice.choice(_SCALARS)}"
        elif bent < 0.6:
            lines.insert(
                dice.randrange(len(lines)),
                dice.choice((lines[place], f"{Hostile(dice.random()).text()}: 1", f"  {lines[place]}")),
            )
        elif bent < 0.8:
            lines[place] = _bent(lines[place], dice)
        else:
            lines[place] = (
                f"{head}x{colon}{value}"
                if dice.random() < 0.5
                else f"{head}{colon} {json.dumps(Hostile(dice.random()).text())}"
            )
    return "\n".join(lines)


def bent_journal(lines: list[bytes], dice: random.Random) -> bytes:
    """A journal's lines after a flipped bit, a torn write, or somebody's editor."""
    lines = list(lines)
    for _ in range(dice.randint(1, 3)):
        place, bent = dice.randrange(len(lines)), dice.random()
        if bent < 0.3:
            line = bytearray(lines[place])
            line[dice.randrange(len(line))] ^= 1 << dice.randrange(8)
            lines[place] = bytes(line)
        elif bent < 0.6:
            lines[place] = json.dumps(
                _other_shape(json.loads(lines[place]) if _is_json(lines[place]) else {}, dice)
            ).encode()
        elif bent < 0.7:
            del lines[place:]
        elif bent < 0.8:
            lines.insert(
                place,
                dice.choice(
                    (
                        b"",
                        b"\0" * 40,
                        b"[" * 100_000,
                        b'{"row": 1e99}',
                        b'{"row":' * 500,
                        b"\xff\xfe",
                        b"null",
                        b'{"row": "\\ud800"}',
                    )
                ),
            )
        elif bent < 0.9:
            lines[place] = lines[place][: dice.randrange(len(lines[place]) + 1)]
        else:
            lines.insert(place, dice.choice(lines))
        if not lines:
            return b""
    return b"\n".join(lines) + b"\n"


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


_VALUES: tuple[Any, ...] = (None, -1, 2**70, 1.5, "x", "", [], {}, [[]], True, "\ud800", {"row": 1}, 10**15)


def _other_shape(line: dict[str, Any], dice: random.Random) -> Any:
    if not line or dice.random() < 0.1:
        return dice.choice(_VALUES)
    changed = dict(line)
    for _ in range(dice.randint(1, 2)):
        key = dice.choice(list(changed) or ["row"])
        if dice.random() < 0.3:
            changed.pop(key, None)
        else:
            changed[key] = dice.choice(_VALUES)
    return changed


def _bent(text: str, dice: random.Random) -> str:
    """With parts left out, doubled or exchanged."""
    for _ in range(dice.randint(1, 3)):
        begin = dice.randrange(len(text) + 1)
        end = min(len(text), begin + dice.randint(1, 12))
        part = dice.choice(
            (
                "",
                text[begin:end] * 2,
                dice.choice("()[]{}'\"`;,:\\\0\n\x1b#-&*!|>%@ "),
                Hostile(dice.random()).text()[:80],
            )
        )
        text = text[:begin] + part + text[end:]
    return text
