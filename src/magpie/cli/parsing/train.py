"""`magpie train`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from magpie.cli.parsing.options import JsonOption, RunArgument


def train(
    run: RunArgument,
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="MODEL",
            help="What is trained: a Hugging Face folder, a GGUF file, a Hub id, or a model inside the package.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            "--method", help="sft (on responses), dpo (on preference pairs), or rm (a reward model, on pairs)."
        ),
    ] = "sft",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="The folder that the trained model goes into.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, as in train.lr=1e-5.")
    ] = None,
    gguf: Annotated[bool, typer.Option("--gguf", help="Write the model as a GGUF file too.")] = False,
    print_config: Annotated[
        str | None,
        typer.Option(
            "--print-config",
            metavar="TRAINER",
            help="Train nothing: write the configuration of another trainer, axolotl or llamafactory, with the paper's "
            "hyperparameters; with --to, into that folder, with the data.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train a model on a run's kept rows with TRL.

    The same command resumes a training that was stopped.
    """
    from magpie.cli.train import train

    overrides = tuple(settings or ())
    train(run, base, method, to, overrides, gguf=gguf, print_config=print_config, as_json=json)
