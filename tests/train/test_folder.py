"""The folder that a model is trained into: whole at its end, gone on with after a kill at any place, and never another
training's. A fake stands where TRL trains, for speed; `test_training` trains."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from magpie.errors import RunError, StorageError
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.runs import Run
from magpie.train import Train, extras, train, training
from magpie.train.layout import Layout
from magpie.train.process import See

SETTINGS = Train(tokenizer="fledgling")
calls: list[Mapping[str, Any]] = []


def fake(layout: Layout, devices: int, see: See, *, downloads: bool) -> Mapping[str, Any]:
    """What a training leaves."""
    job = orjson.loads(layout.job.read_bytes())
    calls.append(job)
    layout.model.mkdir(exist_ok=True)
    (layout.checkpoints / "checkpoint-2").mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(find_model("fledgling").parent / name, layout.model / name)
    session = {"event": "session", "from": 0, "steps": 2, "chosen": {"lr": 1e-3}, "parameters": 5, "trainable": 5}
    steps = [{"event": "step", "step": step, "steps": 2, "loss": 2.0 / step, "seconds": 1.5} for step in (1, 2)]
    layout.log.write_bytes(b"\n".join(map(orjson.dumps, [{**session, "warmup_steps": 1}, *steps])) + b"\n")
    found = {"steps": 2, "device": "CPU", "versions": {"trl": "1.16.0"}}
    layout.result.write_bytes(orjson.dumps(found))
    return found


@pytest.fixture(autouse=True)
def _faked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls.clear()
    monkeypatch.setattr(extras, "check", lambda *_, **__: None)
    monkeypatch.setattr(training, "work", fake)


def test_what_is_trained_is_a_whole_model(pairs: Run, tmp_path: Path) -> None:
    found = train(pairs, "fledgling-base", "sft", tmp_path / "out", SETTINGS)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md", "training.json"),
        "training",
    }
    assert {path.name for path in (tmp_path / "out" / "training").iterdir()} == {"job.json", "log.jsonl", "lock"}
    assert open_model(tmp_path / "out").chat_template == open_model(find_model("fledgling")).chat_template
    assert found.told == json.loads((tmp_path / "out" / "training.json").read_text())
    assert (found.told["data"]["rows"], found.told["figures"]["last_loss"]) == (40, 1.0)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| loss, last tenth of the steps | 1 |" in card
    assert str(tmp_path) not in card
    with pytest.raises(StorageError, match="holds a model already"):
        train(pairs, "fledgling-base", "sft", tmp_path / "out", SETTINGS)


@pytest.mark.parametrize("moved", range(7))
def test_a_kill_while_the_folder_is_put_together_is_made_good(
    pairs: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """moved: files that were moved before the kill."""
    replace, count = Path.replace, 0

    def killed(path: Path, target: Path) -> Path:
        nonlocal count
        if path.parent.name == "model":
            if count == moved:
                raise KeyboardInterrupt
            count += 1
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            train(pairs, "fledgling", "sft", tmp_path / "out")
    assert not (tmp_path / "out" / "config.json").exists()
    train(pairs, "fledgling", "sft", tmp_path / "out")
    assert len(calls) == 1
    assert len(list((tmp_path / "out").iterdir())) == 7


def test_a_kill_while_it_trains_goes_on_and_another_training_is_refused(
    pairs: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(layout: Layout, *_: Any, **__: Any) -> Any:
        (layout.checkpoints / "checkpoint-1").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "work", killed)
    with pytest.raises(KeyboardInterrupt):
        train(pairs, "fledgling", "sft", tmp_path / "out")
    monkeypatch.setattr(training, "work", fake)
    for changed, words in (
        (("fledgling", "dpo", Train()), "other rows"),
        (("fledgling", "sft", Train(lr=1)), r"another train\.lr"),
        (("fledgling-base", "sft", SETTINGS), "another base"),
    ):
        base, method, settings = changed
        with pytest.raises(RunError, match=f"begun with {words}; expected the same command"):
            train(pairs, base, method, tmp_path / "out", settings)  # type: ignore[arg-type]
    assert not calls
    train(pairs, "fledgling", "sft", tmp_path / "out", Train(device_batch=2, checkpoint_every=7))
    assert len(calls) == 1


def test_what_came_to_no_step_is_begun_anew(pairs: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "work", killed)
    with pytest.raises(KeyboardInterrupt):
        train(pairs, "fledgling", "sft", tmp_path / "out")
    monkeypatch.setattr(training, "work", fake)
    train(pairs, "fledgling", "sft", tmp_path / "out", Train(lr=0.5))
    assert calls[0]["settings"]["lr"] == 0.5


def test_the_ids_that_begin_and_end_a_text_are_the_tokenizers_own(pairs: Run, tmp_path: Path) -> None:
    train(pairs, "fledgling-base", "sft", tmp_path / "out", SETTINGS)
    assert calls[0]["tokens"] == {"bos": None, "ends": [2], "pad": 0}
