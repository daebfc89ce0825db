"""One engine on this machine: the same requests through its library alone, through magpie's engine, and in a whole run.

    python -m bench.engine_speed ENGINE [--rows 300] [--rounds 3] [--url URL]

Run by `bench.engines` in the environment that has the engine's library. Prints one line of JSON: tokens a second of
each way and list in every round, seconds to load and to the first answer, and memory of this process and its children.
The ways take turns, so that a noisy machine troubles all alike.

Alone means: for vLLM and OpenVINO the library's own `generate` on the whole list, in this process; for a server the
plainest loop of as many connections; for llama.cpp the fastest loop that was found (`bench.bare`). For transformers,
whose own `generate` does another work (fixed batches, see `bench.peers`), magpie's engine in this process, without a
child, is the bare one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.bare_engines import Serve, open_bare
from magpie.executors.local import execute_plan
from magpie.models.engines import ModelUse, open_engine
from magpie.plan.load import parse
from magpie.plan.plan import Plan, make_plan
from magpie.runs import Run, RunFolder, open_run
from magpie.seams import Completion, Engine, Request, derive_seed

MOST_TOKENS = 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url")
    options = parser.parse_args()
    plan = plan_for(options.engine, options.rows, options.url)
    began = time.perf_counter()
    with open_engine(plan.use) as engine:
        loaded = time.perf_counter() - began
        lists, first = prepare(plan, engine)
        memory = resident()
        with open_bare(options.engine, plan.use, engine.window) as serve:
            for requests in lists.values():
                serve(requests[:8])
            rounds = [one_round(plan, engine, serve, lists) for _ in range(options.rounds)]
    told = {"engine": options.engine, "load_seconds": loaded, "first_answer_seconds": first, "memory_mib": memory}
    print(json.dumps({**told, "rounds": rounds}))


def plan_for(engine: str, rows: int, url: str | None) -> Plan:
    """A run of the model inside the package on this engine."""
    asked = f"{{name: server, url: '{url}'}}" if url else engine
    limit = f"{{sampling: {{max_tokens: {MOST_TOKENS}}}}}"
    text = f"{{name: bench, size: {rows}, seed: 1, engine: {asked}, instruct: {limit}, respond: {limit}}}"
    return make_plan(parse(text, "bench"))


def prepare(plan: Plan, engine: Engine) -> tuple[Mapping[str, list[Request]], float]:
    """The two lists of requests that the run asks, read back from one run; and the seconds of one answer alone."""
    began = time.perf_counter()
    ask_all(engine, [first_request(plan, "instruct", {"row": 0})])
    first = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        run, _ = whole_run(plan, engine, Path(folder) / "run")
        lists = {planned.stage.name: asked_by(plan, planned.stage.name, run) for planned in plan.stages}
    return lists, first


def one_round(
    plan: Plan, engine: Engine, serve: Serve, lists: Mapping[str, Sequence[Request]]
) -> dict[str, dict[str, float]]:
    """Tokens a second of each list: through the library alone, through submit and poll, and in a whole run."""
    alone = {stage: serve(requests) for stage, requests in lists.items()}
    polled = {stage: ask_all(engine, requests) for stage, requests in lists.items()}
    with tempfile.TemporaryDirectory() as folder:
        _, took = whole_run(plan, engine, Path(folder) / "run")
    return {"library": alone, "engine": polled, "run": took}


def whole_run(plan: Plan, engine: Engine, out: Path) -> tuple[Run, dict[str, float]]:
    """A run on the opened engine, and each stage's tokens a second."""

    @contextmanager
    def opened(_: ModelUse) -> Iterator[Engine]:
        yield engine

    execute_plan(plan, RunFolder(out), opener=opened)
    run = open_run(out)
    stages = run.info["sessions"][-1]["stages"].items()
    return run, {name: (t["completion_tokens"] + t["wasted_tokens"]) / t["seconds"] for name, t in stages}


def asked_by(plan: Plan, stage: str, run: Run) -> list[Request]:
    """The requests that a stage made, in the order of its rows."""
    rows = run.sql(f"SELECT row, instruction FROM rows SEMI JOIN {stage} USING (row) ORDER BY row").to_pylist()
    return [first_request(plan, stage, row) for row in rows]


def first_request(plan: Plan, name: str, row: Mapping[str, Any]) -> Request:
    stage = next(planned.asking for planned in plan.stages if planned.stage.name == name)
    request = next(stage.ask(row))
    assert isinstance(request, Request), "instruct and respond ask one thing"
    return request.with_seed(derive_seed(plan.recipe.seed, name, row["row"], 0))


def ask_all(engine: Engine, requests: Sequence[Request]) -> float:
    """Tokens a second of a list through submit and poll, the window kept full."""
    left, tokens, done, flying = enumerate(requests), 0, 0, 0
    began = time.perf_counter()
    while done < len(requests):
        while flying < engine.window and (following := next(left, None)):
            engine.submit(*following)
            flying += 1
        answers = engine.poll(0.5)
        flying, done = flying - len(answers), done + len(answers)
        tokens += sum(a.completion_tokens + a.wasted_tokens for _, a in answers if isinstance(a, Completion))
    return tokens / (time.perf_counter() - began)


def resident() -> float:
    """Memory of this process and of all that it started, in MiB."""
    mine, pages = {str(Path("/proc/self").resolve().name)}, 0
    stats = {entry.name: (entry / "stat") for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    parents = {pid: stat.read_text().rpartition(")")[2].split()[1] for pid, stat in stats.items() if stat.exists()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    for pid in mine:
        pages += int((Path("/proc") / pid / "statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()
