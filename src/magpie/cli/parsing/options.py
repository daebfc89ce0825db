"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]
KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep", help="If this version of magpie would make rows differently, keep the run's rows and settings."
    ),
]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="Try rows again that have failed three times.")]
AllowKeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-key",
        metavar="NAME@HOST",
        help="Let a recipe file send the key in this environment variable to this host, now and later; may be given "
        "again. NAME@http://HOST is for plain http.",
    ),
]
RemakeOption = Annotated[
    bool,
    typer.Option("--remake", help="If this version would make the stage's rows differently, make them again."),
]
PerHourOption = Annotated[
    float | None, typer.Option("--price-per-hour", help="The price of one hour of a GPU, or of the machine.")
]
GpusOption = Annotated[int, typer.Option("--gpus", help="The number of GPUs that --price-per-hour is paid for.")]
PriceInOption = Annotated[float | None, typer.Option("--price-in", help="The price of a million prompt tokens.")]
PriceOutOption = Annotated[float | None, typer.Option("--price-out", help="The price of a million completion tokens.")]
IdsOption = Annotated[
    Path | None, typer.Option("--ids", metavar="FILE", help="A file with ids of rows, one a line: only these.")
]

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, as in tag.model=PATH; may be given again."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan: stages, models, rows, what it reads and contacts.")
]
MaxHoursOption = Annotated[
    float | None, typer.Option("--max-hours", help="Stop after this time, with exit code 3; the run can be resumed.")
]
MaxTokensOption = Annotated[
    int | None, typer.Option("--max-tokens", help="Stop after these prompt and completion tokens together.")
]
MaxCostOption = Annotated[
    float | None, typer.Option("--max-cost", help="Stop when this call has cost so much; needs a price.")
]


def shipped_recipes(incomplete: str) -> list[str]:
    """The names of shipped recipes that begin so, for the shell's completion."""
    from importlib.resources import files

    names = (entry.name for entry in (files("magpie") / "plan" / "library").iterdir())
    recipes = (name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
    return sorted(name for name in recipes if name.startswith(incomplete))
