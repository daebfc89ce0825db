"""Known difficulties of instructions, regularizing baselines and published coefficients, from a folder of AlpacaEval's
own files (`--lc-data`). Knows their names and keys.

| file | keys |
|---|---|
| `instruction_difficulty.csv` | the instruction's place, its difficulty |
| `df_gamed.csv` | index, std_delta_len, instruction_difficulty, preference, model: both baselines |
| `baseline_*.csv` | model, coefficients of length, difficulty and bias |

The same under plain names: `difficulty.csv` (index, difficulty), `gamed_lengths.csv` (len_baseline and len_NAME by
index) with `gamed_stats.json` (each baseline's sums of features times preference), `weights.csv`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from magpie.errors import UserError
from magpie.evaluate.length_control import LcData, Regularizer

_MOST_BYTES = 64 << 20
_EXPECTED = "expected AlpacaEval's instruction_difficulty.csv or df_gamed.csv (or difficulty.csv)"


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    names: Sequence[str]
    rows: Sequence[Sequence[str]]

    def numbers(self, name: str) -> np.ndarray:
        """A column as numbers, [rows]. Raises `UserError` where a value is not a number."""
        place = self.names.index(name)
        return np.array([self.number(line, place) for line in range(len(self.rows))])

    def number(self, line: int, place: int) -> float:
        try:
            found = float(self.rows[line][place])
        except (ValueError, IndexError):
            found = float("nan")
        if not isfinite(found):
            raise UserError(f"{self.path}:{line + 2}: expected a number under {self.names[place] or 'the first name'}")
        return found


def read_lc_data(folder: Path) -> LcData:
    """What a folder knows. Raises `UserError` where it has no difficulties, or a file is not as it should be.

    read_lc_data(Path("alpaca_eval_files")).difficulty  # of 805 instructions
    """
    if not folder.is_dir():
        raise UserError(f"--lc-data {folder}: no such folder; {_EXPECTED}")
    gamed = _table(folder, "df_gamed.csv")
    difficulty = _difficulty(folder, gamed)
    held = _of_gamed(gamed) if gamed is not None else _of_lengths(folder, difficulty)
    return LcData(difficulty, held, _coefficients(folder))


def _table(folder: Path, *names: str) -> _Table | None:
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: more than {_MOST_BYTES >> 20} MiB; {_EXPECTED}")
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file that can be read ({error})") from None
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise UserError(f"{path}: has no rows; {_EXPECTED}")
    return _Table(path, rows[0], rows[1:])


def _column(table: _Table, *names: str) -> str:
    found = next((name for name in names if name in table.names), None)
    if found is None:
        raise UserError(f"{table.path}: has the columns {', '.join(table.names)[:200]}; expected {' or '.join(names)}")
    return found


def _by_index(table: _Table, values: np.ndarray, index: str) -> np.ndarray:
    """Values in the order of their instructions. Raises `UserError` where an instruction is missing or twice."""
    places = table.numbers(index)
    if sorted(places.tolist()) != list(range(len(places))):
        raise UserError(f"{table.path}: expected each instruction from 0 to {len(places) - 1} once, under {index!r}")
    ordered: np.ndarray = values[np.argsort(places)]
    return ordered


def _difficulty(folder: Path, gamed: _Table | None) -> np.ndarray:
    table = _table(folder, "instruction_difficulty.csv", "difficulty.csv")
    if table is not None:
        name = _column(table, "instruction_difficulty", "difficulty")
        return _by_index(table, table.numbers(name), table.names[0])
    if gamed is None:
        raise UserError(f"--lc-data {folder}: knows no instruction's difficulty; {_EXPECTED}")
    places, values = gamed.numbers(_column(gamed, "index")), gamed.numbers(_column(gamed, "instruction_difficulty"))
    known = dict(zip(places.tolist(), values.tolist(), strict=True))
    if sorted(known) != list(range(len(known))):
        raise UserError(f"{gamed.path}: expected every instruction from 0 to {len(known) - 1} under 'index'")
    return np.array([known[place] for place in range(len(known))])


def _of_gamed(table: _Table) -> tuple[Regularizer, ...]:
    names = [_column(table, name) for name in ("std_delta_len", "instruction_difficulty", "preference")]
    lengths, difficulty, preferences = (table.numbers(name) for name in names)
    place = table.names.index(_column(table, "model"))
    models = np.array([row[place] for row in table.rows])
    features = np.column_stack([np.tanh(lengths), difficulty])
    if (preferences < 0).any() or (preferences > 1).any():
        raise UserError(f"{table.path}: expected preferences from 0 to 1")
    found = []
    for model in dict.fromkeys(models.tolist()):
        own = features[models == model]
        found.append(Regularizer(own, own.T @ preferences[models == model]))
    return tuple(found)


def _of_lengths(folder: Path, difficulty: np.ndarray) -> tuple[Regularizer, ...]:
    table = _table(folder, "gamed_lengths.csv")
    sums = _sums(folder / "gamed_stats.json")
    if table is None or not sums:
        return ()
    baseline = _by_index(table, table.numbers(_column(table, "len_baseline")), table.names[0])
    found = []
    for model, given in sums.items():
        name = next((one for one in table.names if one.startswith("len_") and model.endswith(one[4:])), None)
        if name is None or len(baseline) != len(difficulty):
            raise UserError(f"{table.path}: has no lengths of {model} for every instruction; expected them")
        difference = baseline - _by_index(table, table.numbers(name), table.names[0])
        length = np.tanh(difference / difference.std(ddof=1))
        found.append(Regularizer(np.column_stack([length, difficulty]), np.array(given)))
    return tuple(found)


def _sums(path: Path) -> Mapping[str, Sequence[float]]:
    """Each baseline's sums of length and difficulty times preference."""
    if not path.is_file():
        return {}
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        found = {str(name): [float(values[0]), float(values[1])] for name, values in told.items()}
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, LookupError):
        raise UserError(f"{path}: expected a list of two sums for each baseline") from None
    return found


def _coefficients(folder: Path) -> dict[str, tuple[float, float, float]] | None:
    named = sorted(path.name for path in folder.glob("baseline_*.csv"))
    table = _table(folder, "weights.csv", *named[:1])
    if table is None:
        return None
    names = (
        _column(table, "len", "np.tanh(std_delta_len)"),
        _column(table, "diff", "instruction_difficulty"),
        _column(table, "bias", "not_gamed_baseline.astype(float)"),
    )
    length, difficulty, bias = (table.numbers(name).tolist() for name in names)
    return {row[0]: (length[n], difficulty[n], bias[n]) for n, row in enumerate(table.rows)}
