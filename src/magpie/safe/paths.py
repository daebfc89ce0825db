"""Paths as users give them, before a file is looked for."""

from __future__ import annotations

import errno
from pathlib import Path

from magpie.errors import UserError
from magpie.safe.terminal import brief

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def expanded(path: str | Path) -> Path:
    """The path with `~` and `~user` written out. Raises `UserError` for one whose file cannot be looked for: an unknown
    user, a null byte, a name that is too long, links in a circle, a folder that may not be entered.

    expanded("~/runs/air")
    """
    if "\0" in str(path):
        raise UserError(f"{brief(str(path))}: a path with a null byte; expected the path of a file or a folder")
    try:
        found = Path(path).expanduser()
    except RuntimeError:
        raise UserError(
            f"{brief(str(path))}: no home folder is known for this user; expected a path without ~, or ./~NAME for a "
            "file of that name"
        ) from None
    try:
        found.stat()
    except OSError as error:
        if error.errno not in _ABSENT:
            raise UserError(f"{brief(str(path))}: {error.strerror}; expected the path of a file or a folder") from None
    return found
