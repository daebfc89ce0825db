"""`magpie evaluate`: metrics of judgments, of files or of a run that answers and judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.keys import settle
from magpie.cli.outcome import leave
from magpie.cli.run import execute_watched
from magpie.cli.text import print_json, print_sentence
from magpie.errors import MissingExtra, UserError
from magpie.evaluate.judgments import Judgments
from magpie.evaluate.report import write_report
from magpie.evaluate.running import Asked, judgments_of, names_in, names_of, prepare
from magpie.executors.limits import NO_LIMITS, Limits
from magpie.install import install_hint
from magpie.plan.upgrade import Choice
from magpie.runs import RunFolder, located, open_run
from magpie.safe.paths import expanded
from magpie.safe.terminal import brief, one_line, visible

_WIDEST = 36
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Options:
    """The metrics of the command line."""

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

    judgments = _of_run(paths) or read_judgments(paths, baseline)
    if answers:
        judgments = with_answers(judgments, answers)
    found = measure(judgments, ask_of(options, models))
    if as_json:
        print_json(found, indent=True)
    else:
        print_metrics(Console(highlight=False), found)


def _of_run(paths: Sequence[str]) -> Judgments | None:
    """The judgments of a run of `magpie evaluate`, which is named alone; None where files are."""
    if len(paths) != 1 or not RunFolder(located(paths[0])).is_run():
        return None
    run = open_run(located(paths[0]))
    found = judgments_of(run, *names_in(run)).judgments
    if not found.models:
        raise UserError(f"{one_line(paths[0])}: a run without judgments; expected one of `magpie evaluate --judge`")
    return found


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The run settings of the command line."""

    out: Path | None = None
    allowances: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    retry_failed: bool = False
    to: Path | None = None
    """Where the report goes; None writes none."""
    overwrite: bool = False


def evaluate_run(asked: Asked, options: Options, running: RunOptions, *, as_json: bool) -> None:
    """Answer, judge, and print what came of it."""
    check_numpy()
    from magpie.evaluate.measuring import accuracy, measure

    ask = ask_of(options)
    out = located(running.out or Path("runs") / _folder_name(names_of(asked)))
    place = None if running.to is None else _place(running.to, overwrite=running.overwrite)
    recipe = prepare(asked, out)
    settle(recipe, asked.overrides, running.allowances)
    finished = execute_watched(
        recipe, out, Choice((), False), running.limits, retry_failed=running.retry_failed, as_json=as_json
    )
    own, other = names_of(asked)
    evaluated = judgments_of(finished, own, other)
    nothing: dict[str, Any] = {"models": {}, "paired": [], "notes": []}
    found = measure(evaluated.judgments, ask) if evaluated.judgments.models else nothing
    if missing := finished.size - len(evaluated.rows):
        shown = command("status", finished.path)
        found["notes"].append(
            f"{missing:,} of {finished.size:,} prompts are not in these figures: a stage failed at them ({shown})"
        )
    found |= {
        "run": str(finished.path),
        "accuracy": accuracy(evaluated.checks, options.seed) if evaluated.checks else None,
        "judge_mass": evaluated.mass,
        "unusable": dict(evaluated.unusable),
        "cost": finished.info.get("cost"),
    }
    if place is not None:
        write_report(place, found, evaluated.rows, own, other)
    if as_json:
        print_json(found, indent=True)
    else:
        console = Console(highlight=False)
        console.print()
        print_run(console, found)
        _line(console, f"Cost by stage: {command('status', finished.path)}", "dim")
        if place is not None:
            _line(console, f"The report is {one_line(place)}", "dim")
    leave(finished, as_json=as_json)


def _place(to: Path, *, overwrite: bool) -> Path:
    """The path of the report. Raises `UserError` for a folder, an existing file, and a path inside a run."""
    place = expanded(to).resolve()
    if place.is_dir():
        raise UserError(f"--report {one_line(to)}: is a folder; expected the name of a file, such as evaluation.html")
    if place.exists() and not overwrite:
        raise UserError(f"--report {one_line(to)}: is there already; expected another place, or --overwrite")
    for folder in place.parents:
        if RunFolder(folder).is_run():
            raise UserError(f"--report {one_line(to)}: lies inside the run {one_line(folder)}; expected another place")
    return place


def _folder_name(names: Sequence[str]) -> str:
    plain = ["".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name) for name in names]
    return "-".join(["evaluate", *plain])[:100]


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


def print_run(console: Console, found: Mapping[str, Any]) -> None:
    """The results of a run."""
    if found["models"]:
        print_metrics(console, found)
    else:
        for note in found["notes"]:
            _line(console, note, "yellow")
    told = found["accuracy"]
    if told is not None:
        for name, one in told["models"].items():
            _line(console, f"{name}: {one['accuracy']:.2f}% right ({_interval(one['interval'])}) of {one['prompts']:,}")
        if "paired" in told:
            pair = told["paired"]
            low, high = pair["interval"]
            _line(
                console,
                f"{pair['first']} against {pair['second']}, right on the same prompts: {pair['difference']:+.2f} "
                f"({low:+.2f} to {high:+.2f}), McNemar p = {pair['mcnemar_p_value']:.4f}",
            )
    if found["judge_mass"] is not None:
        _line(console, f"The judge gave {100 * found['judge_mass']:.1f}% of its probability to the two labels.")
    for name, count in found["unusable"].items():
        _line(
            console, f"{count:,} answers of {name} are cut, empty or leak control tokens; they were judged as they are."
        )


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
            f"{_named(one['first'])} against {_named(one['second'])}, on the same {one['prompts']:,} prompts: "
            f"{one['difference']:+.2f} ({one['interval'][0]:+.2f} to {one['interval'][1]:+.2f}), "
            f"p = {one['p_value']:.4f}",
        )
    _print_needed(console, models)
    for note in found["notes"]:
        _line(console, note, "yellow")


def _table(models: Mapping[str, Any]) -> Table:
    told = list(models.values())
    table = Table(box=None, pad_edge=False, header_style="dim")
    longest = max(len(_named(name)) for name in models)
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
        cells = [Text(_named(name))]
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


def _named(name: str) -> str:
    """A model's name, which a file may have of any length."""
    return brief(name, _LONGEST, quoted=False)


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
        f"Bradley-Terry, chance to beat {_named(told['reference'])}"
        + (f", with {styles} controlled for" if styles else "")
        + f" ({told['games']:,} games on {told['prompts']:,} prompts):",
    )
    for one in told["models"]:
        _line(console, f"  {one['win_rate']:6.2f}  {_interval(one['interval']):>14}  {_named(one['model'])}")
    for name, one in told["styles"].items():
        low, high = one["interval"]
        _line(console, f"  {name}: {one['coefficient']:+.3f} ({low:+.3f} to {high:+.3f}) for one standard deviation")


def _print_categories(console: Console, name: str, told: Mapping[str, Any]) -> None:
    rates = {key: one["win_rate"] for key, one in told.get("winrate", {}).get("categories", {}).items()}
    scores = told.get("score", {}).get("categories", {}) if not rates else {}
    found = rates or scores
    if len(found) > 1:
        shown = ", ".join(f"{_named(key)} {value:.1f}" for key, value in list(found.items())[:20])
        _line(console, f"{_named(name)} by category: {shown}")


def _print_flips(console: Console, name: str, told: Mapping[str, Any] | None) -> None:
    if told is None:
        return
    line = (
        f"{_named(name)} wins {told['won_first']:.1f}% in the first place and {told['won_second']:.1f}% in the second"
    )
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
