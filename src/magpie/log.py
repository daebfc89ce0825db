"""Logging: a logger for each module that has something to say, silent unless it is asked for.

`magpie -v` prints what is decided (models, engines, stages), `magpie -vv` also every request to a server, without its
key and its text. `MAGPIE_LOG=debug` does the same for a program that calls `magpie.run`, and `MAGPIE_LOG=FILE` writes
to a file. Every record is without secrets and on one line, whichever handler prints it: that is why this module stands
above `safe`, and not at the bottom.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

from magpie.errors import UserError
from magpie.safe import terminal
from magpie.safe.redaction import redact

VARIABLE = "MAGPIE_LOG"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"
_ROOT = logging.getLogger("magpie")


class _Clean(logging.Filter):
    """Makes a record's text one line, without secrets and without what a terminal would act on."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = terminal.one_line(redact(record.getMessage())), None
        return True


def logger(name: str) -> logging.Logger:
    """The logger of a module.

    >>> logger("magpie.models.engines").name
    'magpie.models.engines'
    """
    found = logging.getLogger(name)
    if not any(isinstance(each, _Clean) for each in found.filters):
        found.addFilter(_Clean())
    return found


def configure(verbose: int = 0, environment: Mapping[str, str] = os.environ) -> None:
    """Print or write log records from now on, as often as it is called: the last call counts.

    verbose: 0 for what the environment says, 1 for INFO, 2 or more for DEBUG, on standard error. environment:
    `MAGPIE_LOG` is a level or a file. Raises `UserError` for a file that cannot be written.
    """
    for handler in [each for each in _ROOT.handlers if getattr(each, "of_magpie", False)]:
        _ROOT.removeHandler(handler)
        handler.close()
    asked = environment.get(VARIABLE, "").strip()
    if asked and asked.lower() not in _LEVELS:
        _add(_file(asked), logging.DEBUG)
    level = logging.DEBUG if verbose > 1 else logging.INFO if verbose else _LEVELS.get(asked.lower())
    if level is not None:
        _add(logging.StreamHandler(sys.stderr), level)


def on_standard_error() -> bool:
    """Whether log records are printed between what the program prints."""
    return any(type(each) is logging.StreamHandler for each in _ROOT.handlers)


def _add(handler: logging.Handler, level: int) -> None:
    handler.of_magpie = True  # type: ignore[attr-defined]
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter(_FORMAT, "%Y-%m-%d %H:%M:%S"))
    _ROOT.addHandler(handler)
    _ROOT.setLevel(min(each.level for each in _ROOT.handlers))


def _file(path: str) -> logging.Handler:
    try:
        return logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        problem = error.strerror
    levels = ", ".join(_LEVELS)
    raise UserError(f"{VARIABLE}={terminal.one_line(path)}: {problem}; expected a file to write to, or one of {levels}")
