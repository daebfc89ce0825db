"""How near `magpie run` comes to the bare engine: tokens a second of both, on the same requests, in one run.

    python -m bench.ceiling [--rows 5000] [--repeats 1]

Makes a run with the model inside the package and reads its two request lists back from it: the instructions asked, and
the responses asked. The bare engine then serves the same lists with the same settings. Loading the model is in neither
time. The lists are served in turns, so that a noisy machine troubles both alike.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.bare import run_bare
from magpie.executors.local import execute_plan
from magpie.pipeline import Plan, PlannedStage, make_plan
from magpie.recipes import parse
from magpie.runs import Run, RunFolder, open_run
from magpie.seams import Request, derive_seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    plan = make_plan(parse(f"{{name: ceiling, size: {options.rows}}}", "bench"))
    rounds = [one_round(plan) for _ in range(options.repeats)]
    print(
        f"{'':12}{'requests':>10}{'tokens':>10}{'magpie s':>10}{'bare s':>10}{'magpie/s':>10}{'bare/s':>10}{'ratio':>8}"
    )
    for stage in rounds[0]:
        print_line(stage, [measured[stage] for measured in rounds])
    print_line("both", [tuple(map(sum, zip(*measured.values(), strict=True))) for measured in rounds])  # type: ignore[misc]


Measured = tuple[float, float, float, float, float]
"""Requests; tokens and seconds of magpie; tokens and seconds of the bare engine."""


def print_line(name: str, rounds: list[Measured]) -> None:
    requests, tokens, seconds, bare_tokens, bare_seconds = rounds[len(rounds) // 2]
    ratio = median(m[1] / m[2] / (m[3] / m[4]) for m in rounds)
    speeds = f"{tokens / seconds:10,.0f}{bare_tokens / bare_seconds:10,.0f}"
    print(f"{name:12}{requests:10,.0f}{tokens:10,.0f}{seconds:10.1f}{bare_seconds:10.1f}{speeds}{ratio:8.3f}")


def one_round(plan: Plan) -> Mapping[str, Measured]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        execute_plan(plan, RunFolder(out))
        run = open_run(out)
        return {planned.stage.name: one_stage(plan, planned, run) for planned in plan.stages}


def one_stage(plan: Plan, planned: PlannedStage, run: Run) -> Measured:
    requests = asked(plan, planned, run)
    took = run.info["sessions"][-1]["stages"][planned.stage.name]
    began = time.perf_counter()
    completions = run_bare(plan.model_path, requests)
    del began
    sampled = sum(c.completion_tokens + c.wasted_tokens for c in completions.completions)
    magpie_tokens = took["completion_tokens"] + took["wasted_tokens"]
    return (len(requests), magpie_tokens, took["seconds"], sampled, completions.seconds)


def asked(plan: Plan, planned: PlannedStage, run: Run) -> list[Request]:
    """The requests that the stage made, in the order of its rows."""
    rows = run.sql(f"SELECT row, instruction FROM rows SEMI JOIN {planned.stage.name} USING (row) ORDER BY row")
    seed = plan.recipe.seed
    return [
        next(planned.stage.ask(row)).with_seed(derive_seed(seed, planned.stage.name, row["row"], 0))
        for row in rows.to_pylist()
    ]


if __name__ == "__main__":
    main()
