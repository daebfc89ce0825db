"""`magpie report`: what is in a run, as one HTML page, or its numbers as JSON."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from magpie.cli.text import print_json
from magpie.errors import MagpieError, UserError
from magpie.executors.limits import Prices
from magpie.modelfiles.locate import shipped_models
from magpie.models.find import open_tokenizer
from magpie.models.keys import settle_keys
from magpie.plan.resolve import resolve
from magpie.report import Asked, make_report, open_other
from magpie.report.page import page
from magpie.runs import Run, RunFolder, located, make_folder, open_run, whole_output
from magpie.safe.paths import expanded
from magpie.safe.terminal import one_line
from magpie.seams import Tokenizer


def report(
    path: Path,
    against: list[Path],
    to: Path | None,
    allowances: tuple[str, ...] = (),
    *,
    examples: int,
    prices: Prices,
    tokenizer: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """allowances: keys that the run's embedder may use for the sets of `against`, as `--allow-key` names them."""
    run = open_run(path)
    place = None if as_json and to is None else _place(run, to)
    if place is not None and place.exists() and not overwrite:
        raise UserError(f"{one_line(to or place.name)}: is there already; expected another --to, or --overwrite")
    if allowances:
        settle_keys(resolve(None, run.path), {}, allowances)
    with Console(stderr=True).status(escape(f"reading {one_line(path)}")) as status:
        others = [open_other(located(other), run, lambda line: status.update(escape(line))) for other in against]
        status.update("counting")
        asked = Asked(examples, prices, _tokenizer(run, tokenizer))
        numbers = make_report(run, others, asked)
        if place is not None:
            text = page(numbers)
            make_folder(place.parent)
            with whole_output(place) as file:
                file.write(text.encode("utf-8", "backslashreplace"))
    if as_json:
        print_json(numbers, indent=True)
    elif place is not None:
        typer.echo(f"{place.stat().st_size / 1000:,.0f} KB written to {one_line(to or place)}")


def _place(run: Run, to: Path | None) -> Path:
    """The path of the page: by default a file with the run's name in the current folder. Raises `UserError` for a path
    inside a run, whose files belong to magpie."""
    place = (expanded(to) if to is not None else Path(f"{_file_name(run.name)}.html")).resolve()
    if place.is_dir():
        raise UserError(f"--to {one_line(to or place)}: is a folder; expected the name of a file, such as report.html")
    for folder in place.parents:
        if RunFolder(folder).is_run():
            raise UserError(
                f"--to {one_line(to or place)}: lies inside the run {one_line(folder)}; expected another place"
            )
    return place


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name).strip(".") or "report"


def _tokenizer(run: Run, asked: str | None) -> tuple[str, Tokenizer] | None:
    """What counts tokens, with its name: the model that was asked for, else the run's own where its files are at hand.
    Raises `ModelError` for one that was asked for and cannot be read."""
    if asked is not None:
        return Path(asked).name if Path(asked).exists() else asked, open_tokenizer(asked).tokenizer
    own = run.recipe.get("model")
    if not isinstance(own, str) or not (own in shipped_models() or Path(own).exists()):
        return None
    try:
        return Path(own).name, open_tokenizer(own).tokenizer
    except MagpieError:
        return None  # the report goes without: nobody asked for it
