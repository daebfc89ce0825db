"""Settles which keys a recipe may send: finds those that it names, and keeps what the user has allowed.

Allowances are lines of `NAME@HOST` in `magpie/allowed-keys` under `$XDG_CONFIG_HOME` (`~/.config`): the user's own
file, which no recipe and no run can write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from magpie.errors import UserError
from magpie.runs.files import write_whole
from magpie.safe.keys import (
    NO_HOST,
    KeyNotAllowed,
    KeyUse,
    allow,
    are_withheld,
    host_of,
    not_allowed,
    note_asked,
    read_allowance,
)

Path_ = tuple[str | int, ...]
"""Where a setting stands in a recipe, as in `("respond", "engine")`."""
_MOST_BYTES = 1 << 20


def key_uses(settings: BaseModel) -> list[tuple[Path_, KeyUse]]:
    """Every key that settings name, with each host that it is for, and where the server's settings stand."""
    return [
        (place, KeyUse(server["api_key_env"], host_of(url)))
        for place, server in _servers(settings, ())
        for url in server["urls"]
    ]


def note_keys(settings: BaseModel, typed: Mapping[str, Any] | None) -> None:
    """Note what a recipe asks for when it is read. `typed`: what its user typed beside the file, as a document; None
    where all of it is the user's own, made in Python."""
    for place, use in key_uses(settings):
        if typed is None or is_typed(place, use, typed):
            allow([use])
        else:
            note_asked([use])
    allow(kept_allowances())


def is_typed(place: Path_, use: KeyUse, typed: Any) -> bool:
    """Whether the user's own word, at this very place, names the variable."""
    for name in place:
        if isinstance(typed, Mapping):
            typed = typed.get(name)
        elif isinstance(typed, list | tuple) and isinstance(name, int) and name < len(typed):
            typed = typed[name]
        else:
            return False
    return isinstance(typed, Mapping) and typed.get("api_key_env") == use.variable


def check_keys(settings: BaseModel) -> None:
    """Raise `KeyNotAllowed`, before anything is asked or made, with every key that a recipe may not send yet."""
    if not are_withheld() and (refused := not_allowed(use for _, use in key_uses(settings))):
        raise KeyNotAllowed(refused)


def settle_keys(
    settings: BaseModel,
    typed: Mapping[str, Any],
    allowances: Sequence[str] = (),
    ask: Callable[[KeyUse], bool] | None = None,
) -> None:
    """Allow what the user says, and keep it for the next command.

    typed: what was typed beside the recipe file. allowances: of `--allow-key`. ask: puts a question to the user, where
    there is one at a terminal. Raises `UserError` for an allowance that is none; what is left not allowed is refused by
    whatever reads the key.

        settle_keys(recipe, {}, ["OPENAI_API_KEY@api.openai.com"])
    """
    said = [read_allowance(text) for text in allowances]
    uses = key_uses(settings)
    said += [use for place, use in uses if is_typed(place, use, typed)]
    allow(said)
    if ask is not None:
        said += (agreed := [use for use in not_allowed(use for _, use in uses) if ask(use)])
        allow(agreed)
    _keep(said)


def allowances_file() -> Path:
    """Where allowances are kept."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "magpie" / "allowed-keys"


def kept_allowances() -> list[KeyUse]:
    """What the user has allowed before. Lines that are no allowance are passed over."""
    try:
        with allowances_file().open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except (OSError, RuntimeError):  # no such file, or no home
        return []
    found = []
    for line in text.splitlines():
        try:
            found.append(read_allowance(line))
        except UserError:
            continue
    return found


def _keep(uses: Sequence[KeyUse]) -> None:
    """Add to the user's file. Where that cannot be written, they hold for this command."""
    kept = kept_allowances()
    if not (new := [use for use in dict.fromkeys(uses) if use not in kept and use.host != NO_HOST]):
        return
    try:
        path = allowances_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(f"{use}\n" for use in (*kept, *new)).encode())
    except (OSError, RuntimeError, UserError):
        return


def _servers(value: Any, place: Path_) -> Iterator[tuple[Path_, dict[str, Any]]]:
    """Settings of servers that name a key, at any depth. A recipe's stages stand at its top level."""
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        if fields.get("api_key_env") is not None:
            url = fields["url"]
            yield place, {"api_key_env": fields["api_key_env"], "urls": (url,) if isinstance(url, str) else url}
        for name, item in fields.items():
            yield from _servers(item, place if name == "stages" else (*place, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _servers(item, (*place, name))
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            yield from _servers(item, (*place, number))
