"""What a trainer is handed: the ids and masks that the pre-flight counts, and nothing that it should not learn from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from magpie.errors import RunError, TemplateError, UserError
from magpie.export import Options
from magpie.export.preflight import preflight
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.runs import Run, open_run
from magpie.templates.supervised import TrainingTemplate, supervise
from magpie.train.rows import Prepared, check_run, prepare
from magpie.train.settings import Train
from tests.train.conftest import RunOf, conversation

FIXTURES = Path(__file__).parents[1] / "fixtures" / "runs"
OWN = TrainingTemplate.of(open_model(find_model("fledgling")))


def prepared(run: Run, method: Any, folder: Path, length: int = 512, template: TrainingTemplate = OWN) -> Any:
    found = prepare(run, method, template, Train(), length, folder / "rows.arrow")
    with pa.ipc.open_stream(folder / "rows.arrow") as reader:
        return found, reader.read_all().to_pylist()


def test_every_turn_of_the_assistant_is_learned_and_nothing_else(pairs: Run, tmp_path: Path) -> None:
    found, rows = prepared(pairs, "sft", tmp_path)
    assert found.rows == len(rows) == 40
    for row, source in zip(rows, pairs.rows(), strict=True):
        expected = supervise(source["messages"], OWN)
        assert row["input_ids"] == expected.ids
        assert [bool(own) for own in row["assistant_masks"]] == expected.mask
    first = [token for token, own in zip(rows[1]["input_ids"], rows[1]["assistant_masks"], strict=True) if own]
    assert OWN.tokenizer.decode(first) == "1: Rome, I think.<|im_end|>Then 1.<|im_end|>"


def test_it_is_what_the_pre_flight_counts(pairs: Run, tmp_path: Path) -> None:
    found: Prepared = prepared(pairs, "sft", tmp_path)[0]
    checked = preflight(pairs, "messages", OWN, Options())
    assert (found.rows, found.longest) == (checked.rows, checked.longest)
    assert found.supervised / found.tokens == checked.supervised


def test_pairs_share_their_prompt_and_end_with_the_end_of_turn(pairs: Run, tmp_path: Path) -> None:
    found, rows = prepared(pairs, "dpo", tmp_path)
    assert found.rows == 40
    decode = OWN.tokenizer.decode
    assert decode(rows[0]["prompt_ids"]) == "<|im_start|>user\nWhat is number 0?<|im_end|>\n<|im_start|>assistant\n"
    assert decode(rows[0]["chosen_ids"]) == "0: Paris.<|im_end|>"
    assert decode(rows[0]["rejected_ids"]) == "No idea about 0.<|im_end|>"


def test_a_reward_model_reads_whole_conversations_as_its_engine_writes_them(pairs: Run, tmp_path: Path) -> None:
    _, rows = prepared(pairs, "rm", tmp_path)
    assert OWN.tokenizer.decode(rows[0]["chosen_ids"]).endswith("assistant\n0: Paris.<|im_end|>\n")


def test_a_row_that_is_too_long_is_left_out_not_cut(run_of: RunOf, tmp_path: Path) -> None:
    run = run_of([{"instruction": "Say it.", "response": "long " * number} for number in (1, 200, 2)])
    found, rows = prepared(run, "sft", tmp_path, length=100)
    assert (found.rows, found.too_long, len(rows)) == (2, 1, 2)
    with pytest.raises(RunError, match=r"all 3 rows are longer than 5 tokens .*raise train\.max_length"):
        prepared(run, "sft", tmp_path, length=5)


def test_a_pair_of_one_answer_is_left_out_and_counted(run_of: RunOf, tmp_path: Path) -> None:
    same = {**conversation(1), "rejected": conversation(1)["chosen"] + " "}
    trims = TrainingTemplate.of(
        open_model(find_model("fledgling")),
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    )
    found, _ = prepared(run_of([conversation(0), same]), "dpo", tmp_path, template=trims)
    assert found.rows == 1
    assert "both answers of the pair are one" in next(iter(found.refused))


def test_the_digest_is_of_the_ids(pairs: Run, run_of: RunOf, tmp_path: Path) -> None:
    one, other = prepared(pairs, "sft", tmp_path)[0], prepared(pairs, "sft", tmp_path)[0]
    assert one.digest == other.digest
    assert prepared(run_of([conversation(3)]), "sft", tmp_path)[0].digest != one.digest


def test_a_template_that_cannot_be_trained_on_is_refused(pairs: Run, tmp_path: Path) -> None:
    files = open_model(find_model("fledgling"))
    endless = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    with pytest.raises(TemplateError, match="ends no assistant's turn with a special token"):
        prepared(pairs, "sft", tmp_path, template=TrainingTemplate.of(files, endless))
    silent = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    with pytest.raises(TemplateError, match="cannot be trained on, not one row comes through it"):
        prepared(pairs, "sft", tmp_path, template=TrainingTemplate.of(files, silent))
    assert not (tmp_path / "rows.arrow").exists()


def test_a_run_without_pairs_answers_or_rows_is_refused(run_of: RunOf) -> None:
    run = run_of([{"instruction": "Hi", "response": "Hello"}])
    with pytest.raises(RunError, match="has no pairs, and dpo learns from pairs: let `magpie pair`"):
        check_run(run, "dpo", Train())
    with pytest.raises(RunError, match=r"train\.system shows the column system, and the run has none"):
        check_run(run, "sft", Train(system=True))


@pytest.mark.parametrize(
    ("name", "lost", "words"),
    [
        (
            "killed-tag",
            "no-such",
            "its stage respond has made no row, so none is kept yet: the same `magpie run` resumes it",
        ),
        ("mini", "14-select-*", "its stage select has made no row, so none is kept yet: `magpie select` chooses them"),
    ],
)
def test_a_run_that_is_not_selected_or_not_finished_is_refused(
    tmp_path: Path, name: str, lost: str, words: str
) -> None:
    copy = shutil.copytree(FIXTURES / name, tmp_path / name)
    for folder in copy.glob(lost):
        shutil.rmtree(folder)
    with pytest.raises(RunError, match=words):
        check_run(open_run(copy), "sft", Train())


def test_reasoning_is_not_for_pairs(pairs: Run) -> None:
    with pytest.raises(UserError, match=r"train\.reasoning=inside: a pair holds answers alone"):
        check_run(pairs, "dpo", Train(reasoning="inside"))


def test_a_run_of_questions_alone_is_refused(run_of: RunOf) -> None:
    with pytest.raises(RunError, match="no responses to learn from: let `magpie respond`"):
        check_run(run_of([{"instruction": "Hi"}]), "sft", Train())
