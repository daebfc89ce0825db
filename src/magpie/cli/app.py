"""The program `magpie`: its commands in their groups, and how errors leave it.

A user's mistake is one line on standard error and exit code 2, and so are servers that are gone; an engine that died
is 1, and so is a session in which every row that it tried failed; a limit that was set is 3, Ctrl-C is 130. Everything
heavy is imported by the command that needs it, so that `--help` is instant.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from magpie.cli.groups import CHOOSE, CREATE, HAND_OVER, JUDGE, LOOK, Commands
from magpie.cli.parsing import stages
from magpie.cli.parsing.doctor import doctor
from magpie.cli.parsing.estimate import estimate
from magpie.cli.parsing.evaluate import evaluate_command
from magpie.cli.parsing.explore import explore
from magpie.cli.parsing.export import export
from magpie.cli.parsing.imports import import_command
from magpie.cli.parsing.prune import prune
from magpie.cli.parsing.recipes import recipes
from magpie.cli.parsing.report import report
from magpie.cli.parsing.run import run_command
from magpie.cli.parsing.select import select
from magpie.cli.parsing.show import show
from magpie.cli.parsing.status import status
from magpie.cli.parsing.template import template
from magpie.cli.parsing.train import train
from magpie.cli.parsing.verify import verify
from magpie.errors import EngineDied, UserError
from magpie.extensions import package_of
from magpie.plan.registry import STAGES, offered

app = typer.Typer(
    name="magpie",
    cls=Commands,
    help="Alignment data from an aligned model and nothing else.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GROUPS: dict[str, dict[str, Callable[..., None]]] = {
    CREATE: {"run": run_command, "estimate": estimate, "import": import_command},
    JUDGE: {},
    CHOOSE: {"select": select},
    LOOK: {
        "status": status,
        "show": show,
        "report": report,
        "explore": explore,
        "evaluate": evaluate_command,
        "template": template,
        "recipes": recipes,
        "doctor": doctor,
        "verify": verify,
        "prune": prune,
    },
    HAND_OVER: {"export": export, "train": train},
}
"""The commands that are not stages, by their groups."""
_OF_STAGES = {"create": CREATE, "judge": JUDGE, "choose": CHOOSE}


def _add_stage(name: str, about: str, group: str) -> None:
    command = app.command(name.replace("_", "-"), help=f"{about}\n\n{stages.ALONE}", rich_help_panel=group)
    command(stages.stage_command(name))


for _group, _commands in _GROUPS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_group)(_command)
for _spec in STAGES:
    if _spec.command:
        _add_stage(_spec.name, _spec.about, _OF_STAGES[_spec.group])
_TAKEN = {command.name for command in app.registered_commands}
for _name, _entry in offered().items():
    if _name.replace("_", "-") not in _TAKEN:
        _add_stage(_name, f"A stage of the package {package_of(_entry)}.", JUDGE)


_VERBOSE = ("-v", "-vv", "-vvv", "--verbose")


def _version(asked: bool) -> None:
    if asked:
        from magpie.install import magpie_version

        typer.echo(f"magpie {magpie_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            help="Print what is decided; -vv also every request to a server. It may stand behind the command, too.",
        ),
    ] = 0,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> Any:
    """The `magpie` command. Exits; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 shows what it cannot as \\u
    try:
        app(args=_with_log(sys.argv[1:] if arguments is None else arguments))
    except UserError as error:
        _fail(f"error: {error}", 2)
    except EngineDied as error:
        _fail(f"error: the engine died: {error}; everything made is kept, and the same command resumes the run", 1)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does: nothing to say, and nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        from magpie.runs.files import shortage

        told = shortage(error)
        if told is None:
            raise
        _fail(f"error: {told}", 2)


def _with_log(arguments: list[str]) -> list[str]:
    """The arguments without `-v`, which configures the log wherever it stands: no option of a command is called so."""
    from magpie import log
    from magpie.install import magpie_version

    verbose = [word.count("v") if word.startswith("-v") else 1 for word in arguments if word in _VERBOSE]
    if verbose or log.VARIABLE in os.environ:
        log.configure(sum(verbose))
        log.logger("magpie.cli").info("magpie %s on Python %s", magpie_version(), sys.version.split()[0])
    return [word for word in arguments if word not in _VERBOSE]


def _fail(line: str, code: int) -> None:
    from magpie.cli.text import print_error

    print_error(line)
    sys.exit(code)
