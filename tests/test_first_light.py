"""The whole way on the model inside the package: the chat template, llama.cpp, two stages, the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import magpie
from magpie.engines.checks import token_ids
from magpie.executors.local import execute_plan
from magpie.models.engines import ModelUse, open_engine
from magpie.plan.plan import Plan, make_plan
from magpie.plan.resolve import resolve
from magpie.runner import Answer
from magpie.runs import Run, RunFolder, open_run
from magpie.seams import Engine, Request, derive_seed

SIZE = 48


class Watched:
    """An engine that remembers what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.window, self.context, self.capabilities = engine.window, engine.context, engine.capabilities
        self.asked: list[Request] = []

    def submit(self, ticket: int, request: Request) -> None:
        self.asked.append(request)
        self.engine.submit(ticket, request)

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        return self.engine.poll(wait)

    def cancel(self, tickets: Sequence[int]) -> None:
        self.engine.cancel(tickets)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Run, list[Request]]:
    """A plan, the run made of it, and every request that the engine saw."""
    out = tmp_path_factory.mktemp("runs") / "light"
    plan = make_plan(resolve("basic", out, replace={"size": SIZE}))
    watched: list[Watched] = []

    @contextmanager
    def watching(use: ModelUse) -> Iterator[Engine]:
        with open_engine(use) as engine:
            watched.append(Watched(engine))
            yield watched[0]

    execute_plan(plan, RunFolder(out), opener=watching)
    return plan, open_run(out), watched[0].asked


def test_most_rows_become_conversations_and_the_others_say_why_not(made: tuple[Plan, Run, list[Request]]) -> None:
    run = made[1]
    rows = run.table().to_pylist()
    assert len(rows) == SIZE
    assert run.kept() > SIZE * 0.8
    for row in rows:
        assert row["error"] is None
        assert row["drop_reason"] or (row["instruction"] and row["response"])


def test_each_request_s_seed_is_its_row_s(made: tuple[Plan, Run, list[Request]]) -> None:
    plan, run, asked = made
    answered = run.sql("SELECT row FROM respond ORDER BY row").column("row").to_pylist()
    seeds = [derive_seed(plan.recipe.seed, "instruct", row, 0) for row in range(SIZE)]
    seeds += [derive_seed(plan.recipe.seed, "respond", row, 0) for row in answered]
    assert sorted(request.seed for request in asked) == sorted(seeds)


def test_prompts_are_what_the_chat_template_writes(made: tuple[Plan, Run, list[Request]]) -> None:
    plan, run, asked = made
    decode = plan.model.tokenizer.decode
    instruction = run.sql("SELECT instruction FROM respond JOIN rows USING (row) ORDER BY row").to_pylist()[0][
        "instruction"
    ]
    prompts = {decode(token_ids(request)) for request in asked}
    assert "<|im_start|>user\n" in prompts
    assert f"<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n" in prompts


def test_tokens_are_counted(made: tuple[Plan, Run, list[Request]]) -> None:
    plan, run, asked = made
    assert sum(stage.prompt_tokens for stage in run.counts()) == sum(len(token_ids(request)) for request in asked)
    encode = plan.model.tokenizer.encode
    for row in run.table(kept=True).to_pylist():
        assert abs(len(encode(row["response"])) + 1 - row["respond_tokens"]) <= 2


def test_the_python_interface_makes_and_opens_runs(tmp_path: Path) -> None:
    run = magpie.run("basic", model="fledgling", size=4, out=tmp_path / "api")
    assert magpie.open_run(tmp_path / "api").table().equals(run.table())


def test_a_banned_first_token_begins_no_instruction_and_the_others_still_do(tmp_path: Path) -> None:
    settings = ("respond=null", "instruct.first_token_bans=[What, Can, Write]")
    run = magpie.run(size=SIZE, out=tmp_path / "banned", settings=settings)
    free = magpie.run(size=SIZE, out=tmp_path / "free", settings=settings[:1])
    begin = [row["instruction"].split(" ")[0] for row in run.rows()]
    assert len(begin) > SIZE * 0.8
    assert not {"What", "Can", "Write"} & set(begin)
    assert {"What", "Can", "Write"} & {row["instruction"].split(" ")[0] for row in free.rows()}
