"""`magpie doctor`: which engines can run here, why not, and what to install."""

from __future__ import annotations

import os
import platform

import typer

from magpie.cli.text import print_json
from magpie.modelfiles.locate import shipped_models
from magpie.models.engines import explain_auto
from magpie.models.fitness import engine_fitness


def doctor(*, as_json: bool) -> None:
    engines = engine_fitness()
    host = {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    models = sorted(shipped_models())
    if as_json:
        found = {e.engine: {"runs": e.runs, "about": e.about} for e in engines}
        print_json({"engines": found, "auto": explain_auto(), "host": host, "models": models}, indent=True)
        return
    typer.echo(f"{host['system']}, Python {host['python']}, {host['cores']} cores")
    typer.echo(f"models in the package: {', '.join(models)}")
    for engine in engines:
        typer.echo(f"{engine.engine:12} {'runs' if engine.runs else 'cannot run'}: {engine.about}")
    typer.echo("engine: auto takes")
    for form, choice in explain_auto().items():
        typer.echo(f"  for {form:28} {choice}")
