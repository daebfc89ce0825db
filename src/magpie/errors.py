"""The error tree: what can go wrong, and who can correct it.

    MagpieError
    |-- UserError             something the user gave is not usable; printed in one line, exit code 2
    |   |-- RecipeError       a recipe, an override or a setting
    |   |-- ModelError        a model file or folder
    |   |-- TemplateError     a chat template that cannot be prompted the Magpie way
    |   |-- RunError          a run folder: not a run, in use, made by a newer magpie
    |   |-- NetworkError      a server or the Hub cannot be reached just now
    |   |-- StorageError      the disk: full, read-only, not there
    |   `-- MissingExtra      a library that is not installed; names the command that installs it
    |-- RequestFailed         one request could not be served; belongs to its row, never ends a run
    |   `-- ContextFull       its prompt leaves no room in the context
    |-- EngineDied            an engine is gone; the rows made so far are kept
    |   |-- EngineCrashed     the process that held it ended; it may be started once more
    |   `-- ServerLost        no server answers any more; theirs to start again who run it, and so a UserError too
    `-- StageBug              a stage raised what it should not; names the row

A message says what was found, what was expected, and what to do. This file knows nothing else.
"""

from __future__ import annotations


class MagpieError(Exception):
    """Base of everything that magpie raises on purpose."""


class UserError(MagpieError):
    """Something the user gave is not usable. The command line prints it without a traceback and exits with 2."""


class RecipeError(UserError):
    """A recipe, an override or a setting is not valid."""


class ModelError(UserError):
    """A model file or folder is not there, is not what it should be, or cannot be run."""


class TemplateError(UserError):
    """A chat template does not give the prompts that the method needs, or is not safe to render."""


class RunError(UserError):
    """A folder is not a run, is in use by another process, or was made by a newer magpie."""


class NetworkError(UserError):
    """What is on the network cannot be reached just now: a server, or the Hugging Face Hub."""


class StorageError(UserError):
    """The disk refused: full, read-only, or gone."""


class MissingExtra(UserError):
    """A library is needed that is not installed. The message names the command that installs it."""


class RequestFailed(MagpieError):
    """An engine could not serve one request. The row carries the message; the run continues."""


class ContextFull(RequestFailed):
    """A prompt leaves no room in the engine's context for a completion. Another try would fail as well: each stage
    decides what becomes of the row."""


class EngineDied(MagpieError):
    """An engine is gone and will answer nothing more. Rows made so far are in the run."""

    rows: tuple[int, ...] = ()
    """The rows that it held requests of, where the runner knows them."""


class EngineCrashed(EngineDied):
    """The process in which an engine ran has ended by itself, as native code ends one. It may be started again."""


class ServerLost(EngineDied, UserError):
    """None of an engine's servers answers any more. The rows that are done are in the run."""


class StageBug(MagpieError):
    """A stage raised something other than `RequestFailed`: a bug in magpie or in a user's stage."""

    def __init__(self, row: int, error: BaseException) -> None:
        super().__init__(f"row {row}: the stage raised {type(error).__name__}: {error}")
        self.row = row
