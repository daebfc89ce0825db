"""Estimates what a run of another size would need and keep, from its existing rows: tokens, hours, money, disk, kept
rows.

It takes the stages in order: the rows that reach a stage, the cost of a row, and the share that survives. Intervals
come from a bootstrap over blocks of rows, and for duplicates and repeats from the fits of `duplicates`: their share
grows with size. Prints nothing, makes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from magpie.executors.forecast import Paid
from magpie.executors.limits import Prices
from magpie.explore.duplicates import Fit, Growth, growth_of, sizes_of
from magpie.runs import Run

_BLOCKS = 50
"""The bootstrap resamples rows in this many blocks, or one by one where there are fewer rows."""
DRAWS = 300
_SHARE = 0.9
_LIMIT = ": limit"
"""How the reason of a row ends that only the limit of a selection dropped."""
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and where it lies at nine in ten draws."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """The estimate for one stage."""

    stage: str
    rows: Interval
    """Rows that reach it."""
    prompt_tokens: Interval
    completion_tokens: Interval
    """Sampled, those past a stop included."""
    seconds: Interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate for a run of `size` rows."""

    size: int
    rows: int
    """How many rows the estimate is based on."""
    kept: Interval
    prompt_tokens: Interval
    completion_tokens: Interval
    hours: Interval
    """At the speed of the rows that are there: a pilot that fills the engine for a while only is slower."""
    cost: Interval | None
    """None where nothing has a price."""
    disk: Interval
    """Bytes of the sealed files."""
    duplicates: Interval | None
    """The share of rows that `dedup` would drop."""
    repeats: Interval | None
    """The share of rows that would lie near an earlier one."""
    stages: tuple[StageEstimate, ...]
    unmeasured: tuple[str, ...]
    """Stages that no row has reached yet: nothing of them is in the figures."""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sums:
    """Sums over some rows of one stage."""

    rows: float = 0.0
    passed: float = 0.0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0

    def add(self, other: _Sums) -> None:
        self.rows += other.rows
        self.passed += other.passed
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens


@dataclass(frozen=True, slots=True)
class _Stage:
    """What is known of one stage."""

    name: str
    blocks: Sequence[Mapping[bool, _Sums]]
    """For each block, the sums of rows that are no repeats, and of those that are."""
    seconds: float
    """Seconds per row."""
    bytes: float
    """Bytes per row."""
    limit: int | None
    finds: str | None
    """`duplicates` or `repeats`, where the stage finds them."""
    drops_repeats: bool
    """Whether a clause of it asks for rows that are no repeats."""


@dataclass(slots=True)
class _Outcome:
    """One run through the stages."""

    kept: float = 0.0
    paid: list[tuple[float, float, float, float]] = field(default_factory=list)
    """For each stage: rows, prompt tokens, completion tokens, seconds."""
    bytes: float = 0.0
    duplicates: float = 0.0
    repeats: float = 0.0


def estimate(run: Run, size: int, prices: Prices, *, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """What the run would take at another size, from all of its rows that are there. draws: of the bootstrap; with 1 the
    intervals say nothing.

    Example: `estimate(open_run("runs/pilot"), 100_000, Prices(prompt=0.1, completion=0.4)).kept.value`.
    """
    growths = {name: growth for name in ("duplicates", "repeats") if (growth := _growth(run, name)) is not None}
    every = [_stage(run, entry) for entry in run.info["stages"]]
    stages = [stage for stage in every if any(sums.rows for block in stage.blocks for sums in block.values())]
    unmeasured = tuple(stage.name for stage in every if stage not in stages)
    fixed = _fixed_seconds(run)
    median = {name: growth.median_fit(size) for name, growth in growths.items()}
    point = _follow(stages, range(_BLOCKS), size, growths, median)
    draw = random.Random(seed)
    drawn = []
    for _ in range(draws):
        fits = {name: _drawn_fit(growth, draw) for name, growth in growths.items()}
        drawn.append(_follow(stages, draw.choices(range(_BLOCKS), k=_BLOCKS), size, growths, fits))

    def interval(figure: Callable[[_Outcome], float]) -> Interval:
        return _interval(figure(point), [figure(one) for one in drawn])

    def total(place: int) -> Callable[[_Outcome], float]:
        return lambda one: sum(stage[place] for stage in one.paid)

    def seconds(one: _Outcome) -> float:
        return fixed + total(3)(one)

    def cost(one: _Outcome) -> float:
        return prices.of(Paid(round(total(1)(one)), round(total(2)(one))), seconds(one))

    return Estimate(
        size=size,
        rows=max(map(_rows_of, stages), default=0),
        kept=interval(lambda one: one.kept),
        prompt_tokens=interval(total(1)),
        completion_tokens=interval(total(2)),
        hours=interval(lambda one: seconds(one) / _HOUR),
        cost=interval(cost) if prices.known else None,
        disk=interval(lambda one: one.bytes),
        duplicates=interval(lambda one: one.duplicates) if "duplicates" in growths else None,
        repeats=interval(lambda one: one.repeats) if "repeats" in growths else None,
        stages=tuple(
            StageEstimate(stage.name, *(interval(lambda one, p=p, n=n: one.paid[n][p]) for p in range(4)))  # type: ignore[misc]
            for n, stage in enumerate(stages)
        ),
        unmeasured=unmeasured,
        notes=tuple(_notes(run, stages, growths)),
    )


# -- what is known ----------------------------------------------------------------------------------------------------


def _growth(run: Run, kind: str) -> Growth | None:
    """How duplicates, or repeats, grow; None where no stage looked for them."""
    column, other = ("duplicate_of", "duplicate_of") if kind == "duplicates" else ("is_repeat", "nearest_row")
    stage = next((s.stage for s in reversed(run.stages) if column in {c.name for c in s.columns}), None)
    if stage is None:
        return None
    holds = "duplicate_of IS NOT NULL" if kind == "duplicates" else "is_repeat AND nearest_row IS NOT NULL"
    links = run.sql(f'SELECT row, {other} AS other FROM "{stage}" WHERE {holds} AND row < {run.size}').to_pylist()
    known = "true" if kind == "duplicates" else "is_repeat IS NOT NULL"
    counted = f'SELECT count(*) AS n FROM "{stage}" WHERE row < {run.size} AND error IS NULL AND {known}'
    rows = int(run.sql(counted).to_pylist()[0]["n"])
    return growth_of(rows, sizes_of([(link["row"], link["other"]) for link in links])) if rows else None


def _stage(run: Run, entry: Mapping[str, Any]) -> _Stage:
    name, kind = entry["stage"], entry.get("kind", "row")
    columns = {column["name"] for column in entry["columns"]}
    settings = entry.get("settings") or {}
    limit = settings.get("limit") if kind == "corpus" and isinstance(settings.get("limit"), int) else None
    finds = "duplicates" if "duplicate_of" in columns else "repeats" if "is_repeat" in columns else None
    drops = any("is_repeat" in str(clause) for clause in settings.get("clauses") or ())
    sessions = [session["stages"].get(name, {}) for session in run.info["sessions"]]
    rows = sum(counts.get("made", 0) + counts.get("failed", 0) for counts in sessions)
    seconds = sum(counts.get("seconds", 0.0) for counts in sessions) / rows if rows else 0.0
    folder = next(stage for stage in run.stages if stage.stage == name)
    sealed, data, footers = folder.sizes()
    size = (data / sealed if sealed else 0.0) + footers / run.shard_rows
    return _Stage(name, _blocks(run, name), seconds, size, limit if limit and limit > 0 else None, finds, drops)


def _blocks(run: Run, stage: str) -> list[dict[bool, _Sums]]:
    """The sums of each block at a stage."""
    makers = {column.name: each.stage for each in run.stages for column in each.columns}
    repeats = f'SELECT row, is_repeat FROM "{makers["is_repeat"]}"' if "is_repeat" in makers else None
    joined = f"LEFT JOIN ({repeats}) AS found ON found.row = made.row" if repeats else ""
    repeat = "coalesce(found.is_repeat, false)" if repeats else "false"
    passed = f"made.error IS NULL AND (made.drop_reason IS NULL OR suffix(made.drop_reason, '{_LIMIT}'))"
    query = (
        f"SELECT made.row % {_BLOCKS} AS block, {repeat} AS repeat, count(*) AS rows, "
        f"count(*) FILTER ({passed}) AS passed, sum(made.prompt_tokens)::DOUBLE AS prompt, "
        f'sum(made.completion_tokens + made.wasted_tokens)::DOUBLE AS completion FROM "{stage}" AS made {joined} '
        f"WHERE made.row < {run.size} GROUP BY ALL"
    )
    blocks: list[dict[bool, _Sums]] = [{False: _Sums(), True: _Sums()} for _ in range(_BLOCKS)]
    for line in run.sql(query).to_pylist():
        sums = _Sums(line["rows"], line["passed"], line["prompt"] or 0, line["completion"] or 0)
        blocks[line["block"]][line["repeat"]].add(sums)
    return blocks


def _rows_of(stage: _Stage) -> int:
    return round(sum(sums.rows for block in stage.blocks for sums in block.values()))


def _fixed_seconds(run: Run) -> float:
    """What a session takes beside its stages, such as loading models: the longest of those that worked."""
    took = [
        session["seconds"] - sum(counts.get("seconds", 0.0) for counts in session["stages"].values())
        for session in run.info["sessions"]
        if any(counts.get("made", 0) for counts in session["stages"].values())
    ]
    return float(max([0.0, *took]))


def _notes(run: Run, stages: Sequence[_Stage], growths: Mapping[str, Growth]) -> list[str]:
    found = [
        f"{entry['stage']} has quotas, which bind more rows of a larger run: fewer are kept"
        for entry in run.info["stages"]
        if (entry.get("settings") or {}).get("quotas")
    ]
    found += [f"{stage.name} lets at most {stage.limit:,} rows through" for stage in stages if stage.limit is not None]
    for name, growth in growths.items():
        if growth.groups == growth.rows:
            found.append(f"no {name} among {growth.rows:,} rows: a larger pilot says more of how many there will be")
    return found


# -- following rows through the stages --------------------------------------------------------------------------------


def _follow(
    stages: Sequence[_Stage], blocks: Sequence[int], size: int, growths: Mapping[str, Growth], fits: Mapping[str, Fit]
) -> _Outcome:
    """Take `size` rows through the stages, at what the rows of these blocks took."""
    outcome, reach, repeats = _Outcome(), float(size), 0.0
    for stage in stages:
        novel, repeated = _Sums(), _Sums()
        for block in blocks:
            novel.add(stage.blocks[block][False])
            repeated.add(stage.blocks[block][True])
        if stage.finds == "repeats" and "repeats" in growths:
            repeats = outcome.repeats = _grown(growths["repeats"], fits["repeats"], reach)
        if not repeated.rows:  # none was seen: they take what others take, and go on unless a clause drops them
            repeated = replace(novel, passed=0.0 if stage.drops_repeats else novel.passed)
        parts = ((1 - repeats, novel if novel.rows else repeated), (repeats, repeated))
        prompt = reach * sum(part * _each(sums.prompt_tokens, sums) for part, sums in parts)
        completion = reach * sum(part * _each(sums.completion_tokens, sums) for part, sums in parts)
        outcome.paid.append((reach, prompt, completion, reach * stage.seconds))
        outcome.bytes += reach * stage.bytes
        if stage.finds == "duplicates" and "duplicates" in growths:
            outcome.duplicates = _grown(growths["duplicates"], fits["duplicates"], reach)
            reach *= 1 - outcome.duplicates
            continue
        passing = [part * _each(sums.passed, sums) for part, sums in parts]
        repeats = passing[1] / sum(passing) if sum(passing) else 0.0
        reach *= sum(passing)
        reach = reach if stage.limit is None else min(reach, float(stage.limit))
    outcome.kept = reach
    return outcome


def _grown(growth: Growth, fit: Fit, rows: float) -> float:
    """The share of duplicates among so many rows."""
    return max(0.0, 1 - growth.share_at(rows, fit))


def _each(figure: float, sums: _Sums) -> float:
    return figure / sums.rows if sums.rows else 0.0


def _drawn_fit(growth: Growth, draw: random.Random) -> Fit:
    return draw.choices(growth.fits, weights=[fit.weight for fit in growth.fits])[0]


def _interval(value: float, drawn: Sequence[float]) -> Interval:
    ordered = sorted(drawn)
    outside = (1 - _SHARE) / 2
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (outside, 1 - outside))
    return Interval(value, min(low, value), max(high, value))
