"""`magpie train`: a model trained on a run's kept rows, or a configuration for another trainer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import typer
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.progress import PLAIN_SECONDS, clock
from magpie.cli.text import print_json
from magpie.errors import UserError
from magpie.export import Options
from magpie.export import export as write
from magpie.models.find import find, open_files
from magpie.plan.load import check_settings
from magpie.runs import Run, open_run
from magpie.runs.files import write_whole
from magpie.safe.paths import expanded
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line
from magpie.train import METHODS, Method, Train, Trained
from magpie.train import train as work
from magpie.train.bases import open_base
from magpie.train.configs import COMMANDS, FILES, FORMATS, config
from magpie.train.configs import check as check_config
from magpie.train.rows import check_run, options_of

_BAR = 24
_REDRAWS = 4
_RISEN, _RISEN_BY = 1.2, 0.1
"""A loss that ends above its start by so much has not been learned from."""


def train(
    path: Path,
    base: str,
    method: str,
    to: Path | None,
    overrides: Sequence[str],
    *,
    gguf: bool,
    print_config: str | None,
    as_json: bool,
) -> None:
    settings = check_settings(Train, "train", overrides)
    chosen = _method(method)
    run = open_run(path)
    if print_config is not None:
        _configuration(run, base, chosen, to, settings, print_config)
        return
    if to is None:
        raise UserError("--to: expected the folder that the model goes into")
    console = Console(stderr=as_json, highlight=False)
    place = expanded(to)
    try:
        with _watching(console) as watch:
            trained = work(run, base, chosen, place, settings, gguf=gguf, say=watch.say, see=watch.see)
    except KeyboardInterrupt:
        console.print("stopped; the same command resumes from the last checkpoint", markup=False)
        raise
    if as_json:
        print_json(
            {**trained.told, "folder": str(to), "gguf": str(trained.gguf) if trained.gguf else None}, indent=True
        )
        return
    _print_end(console, run, trained, to)


def _method(name: str) -> Method:
    if name not in METHODS:
        close = get_close_matches(name, METHODS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"--method {name!r}: expected one of {', '.join(METHODS)}{hint}")
    return name


def _print_end(console: Console, run: Run, trained: Trained, to: Path) -> None:
    figures = trained.told["figures"]
    loss = f"loss {figures['first_loss']:.3f} to {figures['last_loss']:.3f}"
    line = f"{figures['steps']:,} steps, {loss}, {clock(figures['seconds'])}; the model is in {one_line(to)}"
    console.print(Text(line), soft_wrap=True)
    if figures["last_loss"] > _RISEN * figures["first_loss"] + _RISEN_BY:
        console.print(Text("warning: the loss rose: lower train.lr, and train again with another --to"), soft_wrap=True)
    if trained.told["method"] == "rm":
        meaning, next_command = "To score a run's responses by it", _score(run, to, trained)
    else:
        model = trained.gguf or trained.folder
        meaning, next_command = "To see what it writes", command("run", "--model", model, "--size", 20)
    console.print(Text(f"{meaning}:", style="dim"))
    console.print(Text(f"  {next_command}", style="bold"), soft_wrap=True)


def _score(run: Run, to: Path, trained: Trained) -> str:
    model = trained.gguf or to
    return command("reward", run.path, "--set", "reward.by=classifier", "--set", f"reward.model={model}")


# -- a configuration for another trainer -------------------------------------------------------------------------------


def _configuration(run: Run, base: str, method: Method, to: Path | None, settings: Train, trainer: str) -> None:
    """To standard output; or, with a folder, into it, with the data beside it."""
    check_config(trainer, method)
    check_run(run, method, settings)
    name, context, template = _trained_by(base, settings, run)
    text = config(trainer, name, method, settings, run.name, context=context, template=template)
    if to is None:
        typer.echo(text, nl=False)
        return
    folder, asked = expanded(to), options_of(settings)
    made = write(run, FORMATS[trainer, method], folder, Options(system=asked.system, reasoning=asked.reasoning))
    if trainer == "axolotl":
        (folder / "axolotl.yaml").unlink()  # the part of a configuration that the whole one holds
    write_whole(folder / FILES[trainer], text.encode())
    typer.echo(f"{made.rows:,} rows and {FILES[trainer]} written to {one_line(to)}; there: {COMMANDS[trainer]}")


def _trained_by(base: str, settings: Train, run: Run) -> tuple[str, int | None, str | None]:
    """The base as a trainer finds it, its context, and a chat template for one that has none."""
    place = find(base)
    if place.hub is None and place.folder is None:
        raise UserError(
            f"{base}: is a GGUF file, which other trainers do not read; expected a folder, or an id of the Hub"
        )
    name = place.hub or str(cast(Path, place.folder).resolve())
    files = open_files(place)
    if files.chat_templates and settings.chat_template is None and settings.tokenizer is None:
        return name, files.context, None
    return name, files.context, open_base(base, settings, run).chat_template


# -- progress ----------------------------------------------------------------------------------------------------------


@dataclass
class Standing:
    """The progress of a training."""

    step: int = 0
    steps: int = 0
    begun: int = 0
    """The step that this session began from."""
    loss: float | None = None
    rate: float | None = None
    seconds: float = 0.0
    checkpoint: int | None = None
    further: dict[str, float] = field(default_factory=dict)

    def see(self, line: Mapping[str, Any]) -> None:
        """Take a line of the training's log."""
        match line.get("event"):
            case "session":
                self.steps, self.begun, self.step = line["steps"], line["from"], line["from"]
            case "step":
                self.step, self.steps, self.seconds = line["step"], line["steps"], line["seconds"]
                self.loss, self.rate = line["loss"], line.get("learning_rate")
                self.further = {name: line[name] for name in ("rewards/accuracies", "accuracy") if name in line}
            case "checkpoint":
                self.checkpoint = line["step"]

    @property
    def left(self) -> float | None:
        """Seconds until the last step, at the pace so far."""
        made = self.step - self.begun
        return (self.steps - self.step) * self.seconds / made if made else None

    def words(self) -> str:
        """Steps, loss, rate and the time that is left."""
        parts = [f"{self.step:,}/{self.steps:,} steps"]
        if self.begun and self.step == self.begun:
            parts.append(f"resumed at step {self.begun:,}")
        if self.loss is not None:
            parts.append(f"loss {self.loss:.3f}")
        parts += [f"{name.rpartition('/')[2].removesuffix('s')} {value:.1%}" for name, value in self.further.items()]
        if self.rate is not None:
            parts.append(f"rate {self.rate:.1e}")
        if self.left is not None:
            parts.append(f"{clock(self.left)} left")
        return ", ".join(parts)


class _Watch:
    """Shows the progress of a training: redrawn in place on a terminal, elsewhere a line every few seconds."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self.console, self.live = console, live
        self.standing = Standing()
        self.printed = time.monotonic()

    def say(self, line: str) -> None:
        (self.live.console if self.live else self.console).print(Text(one_line(redact(line))), soft_wrap=True)
        self.printed = time.monotonic()

    def see(self, line: Mapping[str, Any]) -> None:
        self.standing.see(line)
        if line.get("event") == "session":
            self.say(_chosen(line))
        if self.live is not None:
            self.live.update(_drawn(self.standing))
        elif time.monotonic() - self.printed >= PLAIN_SECONDS:
            self.say(self.standing.words())


def _chosen(line: Mapping[str, Any]) -> str:
    """What was decided, in a line."""
    chosen = line["chosen"]
    size = f"{line['parameters']:,} parameters"
    if line["trainable"] < line["parameters"]:
        size += f", {line['trainable']:,} of them trained"
    precision = "bf16" if chosen["bf16"] else chosen["dtype"]
    told = [
        f"{line['steps']:,} steps of {chosen['batch']}",
        f"rate {chosen['lr']:g}",
        f"{line['warmup_steps']:,} of warm-up",
    ]
    told += [precision, *(["packed"] if chosen["packing"] else [])]
    if chosen["devices"] > 1:
        told.append(f"{chosen['devices']} devices")
    return f"{size}; {', '.join(told)}"


def _drawn(standing: Standing) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_row(ProgressBar(max(1, standing.steps), standing.step, width=_BAR), Text(standing.words()))
    return grid


@contextmanager
def _watching(console: Console) -> Iterator[_Watch]:
    if not console.is_terminal:
        yield _Watch(console, None)
        return
    with Live(console=console, refresh_per_second=_REDRAWS, transient=True) as live:
        yield _Watch(console, live)
