"""What `run.json` has to be for its readers: its names become paths and SQL, its figures are added up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from magpie.columns import BOOKKEEPING, ROW, is_type

Kind = Literal["row", "table", "corpus"]
"""What a stage does: asks models, row by row; computes from the rows of a shard; or computes from all rows of the run
together, and then makes all rows again when any of them changes."""

STAGE_FOLDER = re.compile(r"(\d+)-([a-z_]+(?:@[a-z][a-z0-9]*)?)-([0-9a-f]{8})")
_NAME = re.compile(r"[a-z][a-z_]*(?:@[a-z][a-z0-9]*)?")
_OWN = frozenset(column.name for column in (ROW, *BOOKKEEPING))
_MOST = 2**63


def check_index(index: Mapping[str, Any]) -> None:
    """Raise `ValueError` unless the index is one that magpie may have written.

    check_index({"name": "air", "size": 3, "shard_rows": 9, "stages": [], "sessions": []})
    """
    _need(isinstance(index.get("name"), str) and bool(index["name"]), "name: expected text")
    for name in ("size", "shard_rows"):
        _need(_is_count(index.get(name)) and index[name] > 0, f"{name}: expected a whole number, 1 or more")
    _need("seed" not in index or _is_count(index["seed"]), "seed: expected a whole number")
    _need(isinstance(index.get("stages"), list), "stages: expected a list")
    for stage in index["stages"]:
        _check_stage(stage)
    names = [stage["stage"] for stage in index["stages"]]
    _need(len(set(names)) == len(names), "stages: expected each once")
    if (model := index.get("model")) is not None:
        _check_model(model)
    warnings = index.get("warnings", [])
    _need(isinstance(warnings, list) and all(isinstance(w, str) for w in warnings), "warnings: expected texts")
    _need(isinstance(index.get("sessions"), list), "sessions: expected a list")
    for session in index["sessions"]:
        check_session(session)


def _check_stage(stage: Any) -> None:
    _need(isinstance(stage, dict), "stages: expected objects")
    _need(_is_name(stage.get("stage")), "a stage without its name")
    where = stage["stage"]
    _need(isinstance(stage.get("folder"), str) and bool(STAGE_FOLDER.fullmatch(stage["folder"])), f"{where}: folder")
    _need(isinstance(stage.get("columns"), list), f"{where}: columns: expected a list")
    for column in stage["columns"]:
        _need(isinstance(column, dict) and {"name", "type", "meaning"} <= column.keys(), f"{where}: a column")
        _need(column.keys() <= {"name", "type", "meaning", "unit"}, f"{where}: a column with more than it has")
        _need(all(isinstance(value, str) for value in column.values()), f"{where}: a column that is no text")
        _need(_is_name(column["name"]) and column["name"] not in _OWN, f"{where}: the name of a column")
        _need(is_type(column["type"]), f"{where}: the type of a column")
    _need(isinstance(stage.get("reads"), list) and all(map(_is_name, stage["reads"])), f"{where}: reads")
    _need(stage.get("kind", "row") in get_args(Kind), f"{where}: kind")
    _need(isinstance(stage.get("settings", {}), dict | None), f"{where}: settings")
    _need(_is_count(stage.get("version", 1)), f"{where}: version")
    for name in ("stale", "kept"):
        _need(isinstance(stage.get(name), str | None), f"{where}: {name}")
    _need(isinstance(stage.get("models", {}), dict), f"{where}: models")
    for model in stage.get("models", {}).values():
        _check_model(model)


def _check_model(model: Any) -> None:
    known = isinstance(model, dict) and isinstance(model.get("path"), str) and isinstance(model.get("engine"), str)
    _need(known, "a model without its path and engine")


def check_session(session: Any) -> None:
    """Raise `ValueError` unless this is what magpie writes of a session."""
    _need(isinstance(session, dict), "sessions: expected objects")
    _need(_is_figure(session.get("seconds")), "a session without its seconds")
    _need(isinstance(session.get("ended"), str | None), "how a session ended")
    _need(isinstance(session.get("error"), str | None), "the error of a session")
    for name in ("id", "owner", "host", "executor"):
        _need(isinstance(session.get(name), str | None), f"the {name} of a session")
    _need(isinstance(session.get("stages"), dict), "a session without its stages")
    for counts in session["stages"].values():
        _need(isinstance(counts, dict) and _is_figure(counts.get("seconds", 0)), "the seconds of a stage in a session")
        _need(isinstance(counts.get("report", {}), dict), "the report of a stage in a session")
        _need(all(_is_count(counts.get(name, 0)) for name in ("made", "failed")), "the rows of a stage in a session")
        dropped = counts.get("dropped", {})
        _need(isinstance(dropped, dict) and all(map(_is_count, dropped.values())), "what a stage dropped in a session")


def _need(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME.fullmatch(value))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_figure(value: Any) -> bool:
    return type(value) in (int, float) and value >= 0
