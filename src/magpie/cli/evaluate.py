"""`magpie evaluate`: metrics of judgments, of files or of a run that answers and judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from magpie.cli.text import print_json, print_sentence
from magpie.errors import MissingExtra, UserError
from magpie.install import install_hint
from magpie.safe.paths import expanded
from magpie.safe.terminal import one_line, visible

_WIDEST = 36


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of metrics."""

    metrics: str | None = None
    lc_data: Path | None = None
    by_position: bool = False
    control: str | None = None
    difference: float = 2.0
    seed: int = 0


def evaluate_judgments(
    models: Sequence[str],
    paths: Sequence[str],
    answers: Sequence[str],
    baseline: str | None,
    options: Options,
    *,
    as_json: bool,
) -> None:
    """Print the metrics of judgments that are there."""
    check_numpy()
    from magpie.evaluate.files import read_judgments, with_answers
    from magpie.evaluate.measuring import measure

    judgments = read_judgments(paths, baseline)
    if answers:
        judgments = with_answers(judgments, answers)
    found = measure(judgments, ask_of(options, models))
    if as_json:
        print_json(found, indent=True)
    else:
        print_metrics(Console(highlight=False), found)


def check_numpy() -> None:
    """Raises `MissingExtra` where NumPy is not installed."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise MissingExtra(f"evaluate needs NumPy, which is not installed: {install_hint('evaluate')}") from None


def ask_of(options: Options, models: Sequence[str] = ()) -> Any:
    """What the command line asks of `measure`. Raises `UserError`."""
    from magpie.evaluate.bradley_terry import STYLES
    from magpie.evaluate.lc_files import read_lc_data
    from magpie.evaluate.measuring import METRICS, Ask

    metrics = None if options.metrics is None else _names(options.metrics, METRICS, "--metric")
    control = STYLES if options.control is None else _names(options.control, (*STYLES, "none"), "--control")
    data = None if options.lc_data is None else read_lc_data(expanded(options.lc_data))
    if options.by_position and data is None:
        raise UserError("--difficulty-by-position: says how --lc-data is read; expected --lc-data FOLDER beside it")
    if not 0 < options.difference < 100:
        raise UserError(f"--difference {options.difference:g}: expected percentage points above 0 and below 100")
    return Ask(
        metrics,
        tuple(models),
        data,
        options.by_position,
        tuple(name for name in control if name != "none"),
        options.difference,
        options.seed,
    )


def _names(given: str, known: Sequence[str], option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None or not names:
        raise UserError(f"{option} {one_line(given)[:80]}: expected some of {','.join(known)}")
    return names


# -- printing ----------------------------------------------------------------------------------------------------------


def print_metrics(console: Console, found: Mapping[str, Any]) -> None:
    """A table of models, and beneath it what does not fit into one."""
    models = found["models"]
    console.print(_table(models), soft_wrap=True)
    _print_strengths(console, found.get("bt"))
    for name, told in models.items():
        _print_categories(console, name, told)
        _print_flips(console, name, told.get("flips"))
    for one in found["paired"][:10]:
        _line(
            console,
            f"{one['first']} against {one['second']}, on the same {one['prompts']:,} prompts: "
            f"{one['difference']:+.2f} ({one['interval'][0]:+.2f} to {one['interval'][1]:+.2f}), "
            f"p = {one['p_value']:.4f}",
        )
    _print_needed(console, models)
    for note in found["notes"]:
        _line(console, note, "yellow")


def _table(models: Mapping[str, Any]) -> Table:
    told = list(models.values())
    table = Table(box=None, pad_edge=False, header_style="dim")
    longest = max(len(visible(one_line(name))) for name in models)
    table.add_column("model", overflow="fold", min_width=min(longest, _WIDEST))
    kinds = [kind for kind in ("winrate", "lc", "score") if any(kind in one for one in told)]
    heads = {"winrate": ("win rate", "95%"), "lc": ("length-controlled", "95%"), "score": ("score", "95%")}
    for kind in kinds:
        for head in heads[kind]:
            table.add_column(head, justify="right", no_wrap=True)
    table.add_column("prompts", justify="right", no_wrap=True)
    keys = {"winrate": "win_rate", "lc": "length_controlled_win_rate", "score": "score"}
    ranked = sorted(models.items(), key=lambda item: -_first(item[1], kinds, keys))
    for name, one in ranked:
        cells = [Text(visible(one_line(name)))]
        prompts = 0
        for kind in kinds:
            values = one.get(kind)
            if values is None:
                cells += [Text("-"), Text("")]
                continue
            cells += [Text(f"{values[keys[kind]]:.2f}"), Text(_interval(values.get("interval")), style="dim")]
            prompts = max(prompts, values["prompts"])
        table.add_row(*cells, Text(f"{prompts:,}"))
    return table


def _first(one: Mapping[str, Any], kinds: Sequence[str], keys: Mapping[str, str]) -> float:
    return next((float(one[kind][keys[kind]]) for kind in kinds if kind in one), 0.0)


def _interval(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.1f} to {interval[1]:.1f}"


def _print_strengths(console: Console, told: Mapping[str, Any] | None) -> None:
    if told is None:
        return
    _line(console, "")
    styles = ", ".join(told["styles"])
    _line(
        console,
        f"Bradley-Terry, chance to beat {told['reference']}"
        + (f", with {styles} controlled for" if styles else "")
        + f" ({told['games']:,} games on {told['prompts']:,} prompts):",
    )
    for one in told["models"]:
        _line(console, f"  {one['win_rate']:6.2f}  {_interval(one['interval']):>14}  {one['model']}")
    for name, one in told["styles"].items():
        low, high = one["interval"]
        _line(console, f"  {name}: {one['coefficient']:+.3f} ({low:+.3f} to {high:+.3f}) for one standard deviation")


def _print_categories(console: Console, name: str, told: Mapping[str, Any]) -> None:
    rates = {key: one["win_rate"] for key, one in told.get("winrate", {}).get("categories", {}).items()}
    scores = told.get("score", {}).get("categories", {}) if not rates else {}
    found = rates or scores
    if len(found) > 1:
        shown = ", ".join(f"{key} {value:.1f}" for key, value in list(found.items())[:20])
        _line(console, f"{name} by category: {shown}")


def _print_flips(console: Console, name: str, told: Mapping[str, Any] | None) -> None:
    if told is None:
        return
    line = f"{name} wins {told['won_first']:.1f}% in the first place and {told['won_second']:.1f}% in the second"
    if told["flipped"] is not None:
        line += (
            f"; the judge changed its mind with the order at {told['flipped']:.1f}% of {told['both_orders']:,} prompts"
        )
    _line(console, line)


def _print_needed(console: Console, models: Mapping[str, Any]) -> None:
    needed = [
        one[kind]["needed"] for one in models.values() for kind in ("winrate", "score") if "needed" in one.get(kind, {})
    ]
    if not needed:
        return
    most = max(one["prompts"] for one in needed)
    points = f"{needed[0]['difference']:g} percentage points"
    _line(console, f"To see a difference of {points} in four of five experiments takes {most:,} prompts.")


def _line(console: Console, text: str, style: str = "") -> None:
    print_sentence(console, Text(visible(one_line(text)), style=style))
