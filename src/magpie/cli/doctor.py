"""`magpie doctor`: which engines can run here, why not, and what to install; with --server, how a server is set up."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer
from pydantic import ValidationError

from magpie.cli.text import print_json
from magpie.errors import UserError
from magpie.modelfiles.locate import shipped_models
from magpie.models.engines import explain_auto
from magpie.models.fitness import engine_fitness
from magpie.safe.terminal import one_line


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


def inspect(urls: Sequence[str], api_key_env: str | None, *, as_json: bool) -> None:
    """What can be read off servers of one model. Raises `UserError` for an address or an answer that will not do."""
    from magpie.engines.server.inspection import ABOUT, inspect_server
    from magpie.settings.engines import Server

    try:
        settings = Server(url=tuple(urls), api_key_env=api_key_env)
    except ValidationError as error:
        raise UserError(f"--server: {one_line(error.errors()[0]['msg'])}") from None
    inspections = inspect_server(settings)
    if as_json:
        print_json({"servers": [asdict(found) for found in inspections]}, indent=True)
        return
    for found in inspections:
        facts = found.facts
        version = f" {found.version}" if found.version else ""
        typer.echo(
            f"{one_line(found.address)}: {facts.api}{version}, serves {one_line(facts.served_model)}, "
            f"context {facts.context:,} tokens"
        )
        for name, value in found.figures.items():
            typer.echo(f"  {ABOUT[name]:66} {_shown(value)}")
        if not found.figures:
            typer.echo("  it tells nothing more of how it is set up")
        for warning in facts.warnings:
            typer.echo(f"  {one_line(warning)}")
        for advice in found.advice:
            typer.echo(f"  advice: {advice}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.1%}" if isinstance(value, float) else f"{value:,}"
