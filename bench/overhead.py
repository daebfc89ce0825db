"""What magpie itself costs a row: instruct and respond over the scripted engine, every line written to the system.

    python -m bench.overhead [--rows 40000] [--repeats 3]

Rows a second, both stages together, medians: once with prompts made beforehand (the runner and the store alone), once
with the chat template rendered and tokenized for each row, as `magpie run` does it; then where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from magpie.executors.local import execute_plan
from magpie.pipeline import Plan, make_plan
from magpie.recipes import parse
from magpie.runs import RunFolder
from magpie.seams import Message, SamplingParams, Stage, Tokens
from magpie.stages import instruct, respond

SAMPLING = SamplingParams()
READY = Tokens((1, 2, 3, 4, 5))


class ReadyChat:
    """A chat whose prompts are made already."""

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:  # noqa: ARG002
        return False

    def user_text(self, sampled: str) -> str:
        return sampled.strip()

    def assistant_text(self, sampled: str) -> str:
        return sampled.strip()

    def next_user(self, messages: Sequence[Message]) -> Tokens:  # noqa: ARG002
        return READY

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:  # noqa: ARG002
        return READY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    plan = make_plan(parse(f"{{name: overhead, size: {options.rows}, engine: scripted}}", "bench"))
    kinds = {"prompts ready-made": ready_made(plan), "template rendered and tokenized": plan}
    print(f"{'':34}{'rows/s':>10}{'us/row':>10}")
    for kind, kind_plan in kinds.items():
        seconds = median(timed(kind_plan) for _ in range(options.repeats))
        print(f"{kind:34}{options.rows / seconds:10,.0f}{1e6 * seconds / options.rows:10.1f}")
    for kind, kind_plan in kinds.items():
        print(f"\nWhere the time goes: {kind} (profiled, so slower; seconds in the function itself)")
        profile(kind_plan)


def ready_made(plan: Plan) -> Plan:
    """The plan with stages that ask what is made already."""
    ask = {"instruct": instruct, "respond": respond}

    def ready(stage: Stage) -> Stage:
        return replace(stage, ask=partial(ask[stage.name], chat=ReadyChat(), sampling=SAMPLING))

    return replace(plan, stages=tuple(replace(planned, stage=ready(planned.stage)) for planned in plan.stages))


def timed(plan: Plan) -> float:
    """Seconds of a whole run, from its first file to its last."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        execute_plan(plan, RunFolder(Path(folder) / "run"))
        return time.perf_counter() - began


def profile(plan: Plan) -> None:
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        profiler.runcall(execute_plan, plan, RunFolder(Path(folder) / "run"))
    stats = pstats.Stats(profiler).strip_dirs().sort_stats("tottime")
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])[:8]  # type: ignore[attr-defined]
    for (file, _, function), (_, calls, own, *_) in rows:
        print(f"  {own:6.2f}  {calls:9,}  {file}:{function}")


if __name__ == "__main__":
    main()
