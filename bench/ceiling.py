"""How near `magpie run` comes to the bare engine: tokens a second of both, on the same requests, in one process.

    python -m bench.ceiling [--rows 1000] [--rounds 5]

Each round makes a run with the model inside the package, reads its two request lists back from it (the instructions
asked, and the responses asked), and has the bare engine serve the same lists with the same settings. The time to load
the model is left out. The rounds take turns, so that a noisy machine troubles both alike.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

from bench.bare import open_bare, serve
from magpie.engines.llamacpp.engine import choose
from magpie.executors.local import execute_plan
from magpie.modelfiles.shape import read_shape
from magpie.plan.load import parse
from magpie.plan.plan import Plan, PlannedStage, make_plan
from magpie.runs import Run, RunFolder, open_run
from magpie.seams import Request, Row, derive_seed
from magpie.settings.engines import LlamaCpp as LlamaCppSettings

Measured = tuple[float, float, float, float, float]
"""Requests; tokens and seconds of magpie; tokens and seconds of the bare engine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds = [
        one_round(make_plan(parse(f"{{name: ceiling, size: {options.rows}, seed: {seed}}}", "bench")))
        for seed in range(options.rounds)
    ]
    print(f"{'':12}{'requests':>10}{'tokens':>10}{'magpie s':>10}{'bare s':>10}{'magpie/s':>10}{'bare/s':>10}  ratios")
    for stage in rounds[0]:
        print_line(stage, [measured[stage] for measured in rounds])
    print_line("both", [summed(measured.values()) for measured in rounds])


def summed(measured: Iterable[Measured]) -> Measured:
    requests, tokens, seconds, bare_tokens, bare_seconds = (sum(each) for each in zip(*measured, strict=True))
    return requests, tokens, seconds, bare_tokens, bare_seconds


def print_line(name: str, rounds: list[Measured]) -> None:
    requests, tokens, seconds, bare_tokens, bare_seconds = summed(rounds)
    ratios = [m[1] / m[2] / (m[3] / m[4]) for m in rounds]
    speeds = f"{tokens / seconds:10,.0f}{bare_tokens / bare_seconds:10,.0f}"
    spread = f"median {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}"
    print(f"{name:12}{requests:10,.0f}{tokens:10,.0f}{seconds:10.1f}{bare_seconds:10.1f}{speeds}  {spread}")


def one_round(plan: Plan) -> Mapping[str, Measured]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        execute_plan(plan, RunFolder(out))
        run = open_run(out)
        return {planned.stage.name: one_stage(plan, planned, run) for planned in plan.stages}


def one_stage(plan: Plan, planned: PlannedStage, run: Run) -> Measured:
    """The stage's requests again, on the bare engine."""
    requests = asked(plan, planned, run)
    place = plan.use.place
    assert place is not None, "the model inside the package is a file"
    choice = choose(read_shape(place.path), LlamaCppSettings())
    bare = serve(open_bare(place.path, choice), requests, choice.slots)
    took = run.info["sessions"][-1]["stages"][planned.stage.name]
    tokens = took["completion_tokens"] + took["wasted_tokens"]
    return (len(requests), tokens, took["seconds"], bare.tokens, bare.seconds)


def asked(plan: Plan, planned: PlannedStage, run: Run) -> list[Request]:
    """The requests that the stage made, in the order of its rows."""
    rows = run.sql(f"SELECT row, instruction FROM rows SEMI JOIN {planned.stage.name} USING (row) ORDER BY row")
    return [first_request(plan, planned, row) for row in rows.to_pylist()]


def first_request(plan: Plan, planned: PlannedStage, row: Row) -> Request:
    request = next(planned.asking.ask(row))
    assert isinstance(request, Request), "instruct and respond ask one thing"
    return request.with_seed(derive_seed(plan.recipe.seed, planned.stage.name, row["row"], 0))


if __name__ == "__main__":
    main()
