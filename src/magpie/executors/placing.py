"""Where a session is executed: `local`, `workers` or `ray`, as the command line or the user's own file says.

Never the recipe: a run may change executors between sessions. `$XDG_CONFIG_HOME/magpie/config.yaml` (`~/.config`) may
hold `executor`, `ray_address` and `workers`; the command line wins. Knows no run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from magpie.errors import UserError
from magpie.safe.documents import check_values, read_yaml

ExecutorName = Literal["local", "workers", "ray"]
"""`local`: this process makes the rows. `workers`: it prepares the run, and `magpie work` makes them. `ray`: actors of
a Ray cluster make them."""

_KEYS = ("executor", "ray_address", "workers")


@dataclass(frozen=True, slots=True)
class Placing:
    """Who makes the rows of a session."""

    executor: ExecutorName = "local"
    ray_address: str | None = None
    """HOST:PORT of the head of a Ray cluster; None: the one that this machine is part of."""
    workers: int | None = None
    """Actors on Ray; None: as many as the cluster has room for."""


LOCAL = Placing()


def config_file() -> Path:
    """The user's own settings of this machine."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "magpie" / "config.yaml"


def placing(executor: str | None = None, ray_address: str | None = None, workers: int | None = None) -> Placing:
    """What the command line says, and where it is silent the user's file. Raises `UserError` for what is no executor.

    placing("ray", "10.0.0.1:6379").executor  # "ray"
    """
    said: dict[str, Any] = {"executor": executor, "ray_address": ray_address, "workers": workers}
    found = {**_from_file(), **{name: value for name, value in said.items() if value is not None}}
    name, address, count = (found.get(key) for key in _KEYS)
    chosen: ExecutorName | None = next((each for each in get_args(ExecutorName) if each == (name or "local")), None)
    if chosen is None:
        raise UserError(f"executor {name!r}: expected one of {', '.join(get_args(ExecutorName))}")
    if address is not None and not isinstance(address, str):
        raise UserError(f"ray_address {address!r}: expected HOST:PORT")
    if count is not None and (type(count) is not int or count < 1):
        raise UserError(f"workers {count!r}: expected a whole number, 1 or more")
    if chosen != "ray" and (ray_address is not None or workers is not None):
        raise UserError("--ray-address and --workers: expected --executor ray beside them")
    return Placing(chosen, address, count)


def _from_file() -> dict[str, Any]:
    path = config_file()
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    found = read_yaml(text, str(path))
    check_values(found, str(path))
    if found is None:
        return {}
    strange = sorted(set(found) - set(_KEYS)) if isinstance(found, dict) else ["no settings"]
    if strange:
        raise UserError(f"{path}: {strange[0]!r} is no setting of it; expected {', '.join(_KEYS)}")
    return dict(found)
