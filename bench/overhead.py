"""What magpie itself costs a row: instruct and respond over the scripted engine, every line written to the system.

    python -m bench.overhead [--rows 40000] [--repeats 3]

Rows a second, both stages together, medians; of CPU time too, since the machine may be shared. Once with prompts made
beforehand (the runner and the store alone), once with the chat template rendered and tokenized for each row, as
`magpie run` does it; then what one completion costs in the journal, where every answer is written before stage code
sees it; then where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from magpie.engines.scripted import open_scripted
from magpie.executors.local import execute_plan
from magpie.models.engines import ModelUse
from magpie.plan.load import parse
from magpie.plan.plan import Plan, make_plan
from magpie.runs import OpenShard, RunFolder, ShardFiles
from magpie.seams import Completion, Engine, Message, Request, SamplingParams, Stage, Tokens
from magpie.settings.engines import Scripted as ScriptedSettings
from magpie.stages.instruct.work import instruct
from magpie.stages.respond.work import Responder, respond

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

    def text(self, token_ids: Sequence[int]) -> str:
        return str(token_ids)

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
    print(f"{'':34}{'rows/s':>10}{'rows/CPU s':>12}{'CPU us/row':>12}")
    for kind, kind_plan in kinds.items():
        rounds = [timed(kind_plan) for _ in range(options.repeats)]
        wall, cpu = median(w for w, _ in rounds), median(c for _, c in rounds)
        print(f"{kind:34}{options.rows / wall:10,.0f}{options.rows / cpu:12,.0f}{1e6 * cpu / options.rows:12.1f}")
    journal()
    for kind, kind_plan in kinds.items():
        print(f"\nWhere the time goes: {kind} (profiled, so slower; seconds in the function itself)")
        profile(kind_plan)


def ready_made(plan: Plan) -> Plan:
    """The plan with stages that ask what is made already."""
    ask = {
        "instruct": partial(instruct, chat=ReadyChat(), sampling=SAMPLING),
        "respond": partial(respond, responder=Responder(ReadyChat(), SAMPLING)),
    }

    def ready(stage: Stage) -> Stage:
        return replace(stage, ask=ask[stage.name])

    return replace(
        plan,
        stages=tuple(
            replace(planned, bound=replace(planned.bound, stage=ready(planned.asking))) for planned in plan.stages
        ),
    )


@contextmanager
def engine(_: ModelUse) -> Iterator[Engine]:
    """The scripted engine with one answer, made beforehand: what it costs itself is small."""
    answer = Completion("Explain how bridges in Norway stand the frost.", tuple(range(300, 312)), "stop", 5, 13)
    with open_scripted(ScriptedSettings(), lambda _: answer) as scripted:
        yield scripted


def timed(plan: Plan) -> tuple[float, float]:
    """Seconds and CPU seconds of a whole run, from its first file to its last."""
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), time.process_time()
        execute_plan(plan, RunFolder(Path(folder) / "run"), opener=engine)
        return time.perf_counter() - began, time.process_time() - cpu


POLL = 256
"""Completions that are written in one go."""


def journal(polls: int = 20) -> None:
    """What one completion takes in the journal, in CPU time and bytes: short ones, and some of the usual length."""
    print(f"\n{'one completion in the journal':46}{'CPU us':>8}{'bytes':>8}{'digest us':>11}")
    for prompt_tokens, tokens, text in (
        (20, 12, "Explain how bridges stand the frost. "),
        (1000, 300, "Frost is hard. " * 96),
    ):
        prompts = [Tokens(tuple(range(100_000 + n, 100_000 + n + prompt_tokens))) for n in range(POLL)]
        requests = [Request(prompt, SAMPLING, seed=n) for n, prompt in enumerate(prompts)]
        said = Completion(text, tuple(range(100_000, 100_000 + tokens)), "stop", prompt_tokens, tokens + 1)
        written, digests = [], []
        with tempfile.TemporaryDirectory() as folder:
            shard = OpenShard(ShardFiles(Path(folder), 0), (), {}, (), "")
            for poll in range(polls):
                began = time.process_time()
                for row, request in enumerate(requests):
                    shard.note(row, poll, request, said)
                shard.flush()
                written.append(time.process_time() - began)
                began = time.process_time()
                for request in requests:
                    request.digest()
                digests.append(time.process_time() - began)
            size = shard.files.journal.stat().st_size / (polls * POLL)
            shard.close()
        kind = f"{tokens} tokens after a prompt of {prompt_tokens}"
        print(f"{kind:46}{1e6 * min(written) / POLL:8.1f}{size:8.0f}{1e6 * min(digests) / POLL:11.1f}")


def profile(plan: Plan) -> None:
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        profiler.runcall(execute_plan, plan, RunFolder(Path(folder) / "run"), opener=engine)
    stats = pstats.Stats(profiler).strip_dirs().sort_stats("tottime")
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])[:8]  # type: ignore[attr-defined]
    for (file, _, function), (_, calls, own, *_) in rows:
        print(f"  {own:6.2f}  {calls:9,}  {file}:{function}")


if __name__ == "__main__":
    main()
