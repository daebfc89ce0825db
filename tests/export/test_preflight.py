"""The pre-flight counts what a trainer will make of an export, by the model's own tokenizer and template."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from magpie.cli import main
from magpie.errors import RunError
from magpie.export import Options
from magpie.export.preflight import fitting_formats, preflight
from magpie.imports import import_dataset
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.runs import Run
from magpie.templates.supervised import TrainingTemplate
from tests.templates.test_supervised import CHATML_THINKS, ENDLESS
from tests.templates.toys import fixture, toy

LONG = 300


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Twenty conversations, one of them long; every second has further turns, every fourth reasoning."""
    folder = tmp_path_factory.mktemp("run")
    rows = [
        {
            "instruction": "Name a bird.",
            "response": "Kite " * LONG if number == 7 else "Kite",
            "turns": [{"role": "user", "content": "More?"}, {"role": "assistant", "content": "Plum"}] * (number % 2),
            "reasoning": "Birds fly." if number % 4 == 1 else None,
            "system": "Be brief.",
            "chosen": "Kite",
            "rejected": "No",
        }
        for number in range(20)
    ]
    (folder / "set.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return import_dataset(folder / "set.jsonl", folder / "run")[0]


@pytest.fixture(scope="module")
def own() -> TrainingTemplate:
    return TrainingTemplate.of(open_model(find_model("fledgling")))


def test_tokens_are_counted_as_the_template_writes_them(run: Run, own: TrainingTemplate) -> None:
    found = preflight(run, "messages", own, Options(), max_length=100)
    short = "<|im_start|>user\nName a bird.<|im_end|>\n<|im_start|>assistant\nKite<|im_end|>\n"
    assert found.median in (
        len(own.tokenizer.encode(short)),
        len(own.tokenizer.encode(short + "<|im_start|>user\nMore?<|im_end|>\n<|im_start|>assistant\nPlum<|im_end|>\n")),
    )
    assert (found.rows, found.over, found.refused, found.unended) == (20, 1, {}, 0)
    assert found.longest > LONG > found.p95 > 0
    assert 0 < found.supervised < 1


def test_only_the_last_answer_counts_where_a_trainer_completes_a_prompt(run: Run, own: TrainingTemplate) -> None:
    everything, last = (preflight(run, form, own, Options()) for form in ("messages", "sft"))
    assert everything.median == last.median
    assert last.supervised < everything.supervised


def test_every_format_that_a_run_fills_can_be_looked_at(run: Run, own: TrainingTemplate) -> None:
    forms = fitting_formats(run)
    assert forms == ["messages", "sharegpt", "alpaca", "sft", "dpo", "rm", "kto"]
    found = {form: preflight(run, form, own, Options()) for form in (*forms, "axolotl", "llama-factory-dpo", "parquet")}
    assert found["messages"].median == found["sharegpt"].median == found["alpaca"].median == found["axolotl"].median
    assert found["dpo"].median == found["llama-factory-dpo"].median
    assert all(0 < one.supervised < 1 and one.unsupervised == 0 for one in found.values())


def test_reasoning_that_the_template_strips_is_counted_by_place(run: Run) -> None:
    template = TrainingTemplate.of(toy(CHATML_THINKS))
    found = preflight(run, "messages", template, Options(reasoning="field"))
    assert (found.stripped, found.unprinted) == (5, 0)
    whole = preflight(run, "messages", template, Options(reasoning="inside"))
    assert (whole.stripped, whole.unprinted) == (0, 0)


def test_rows_that_the_template_refuses_are_counted_with_the_reason(run: Run) -> None:
    template = TrainingTemplate.of(toy(fixture("refuses_system")))
    assert preflight(run, "messages", template, Options()).refused == {}
    with pytest.raises(RunError, match=r"not one row comes through the chat template: the chat template refuses"):
        preflight(run, "messages", template, Options(system=True))


def test_a_template_without_an_end_of_turn_is_told(run: Run) -> None:
    assert preflight(run, "messages", TrainingTemplate.of(toy(ENDLESS)), Options()).unended == 20


def test_the_command_prints_a_line_for_each_format_and_writes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["export", str(run.path), "--check", "fledgling", "--max-length", "100"])
    assert not left.value.code
    output = capsys.readouterr().out
    assert "messages" in output
    assert "1 of 20 rows have more than 100 tokens" in output
    assert max(map(len, output.splitlines())) <= 80
    assert list(tmp_path.iterdir()) == []


def test_the_command_gives_the_same_figures_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["export", str(run.path), "--check", "fledgling", "--format", "dpo", "--json"])
    assert not left.value.code
    (found,) = json.loads(capsys.readouterr().out)["formats"]
    assert (found["form"], found["rows"], found["unended"]) == ("dpo", 20, 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--check", "fledgling", "--to", "x.jsonl"], "--check looks and writes nothing; expected no --to"),
        (["--check", "nowhere"], "nowhere"),
        (["--to", "x.jsonl", "--max-length", "9"], "--max-length"),
        (["--to", "x.jsonl", "--json"], "--json"),
    ],
)
def test_options_that_do_not_go_together_are_a_mistake_in_a_line(
    run: Run, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["export", str(run.path), *arguments])
    assert left.value.code == 2
    errors = capsys.readouterr().err
    assert told in errors
    assert errors.count("\n") == 1
