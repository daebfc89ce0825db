"""`magpie train` says what is wrong in one line and exits with 2, and shows how a training goes."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from magpie.cli import main
from magpie.cli.train import Standing
from magpie.errors import MissingExtra, ModelError, RunError, UserError
from magpie.runs import Run
from magpie.train import extras, process
from magpie.train.curve import read_curve
from magpie.train.layout import Layout
from magpie.train.settings import Lora, Train

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def magpie(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command; its exit code and errors."""

    def call(*words: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        return int(left.value.code or 0), capsys.readouterr().err

    return call


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "check", lambda *_, **__: None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--method", "dop"), "--method 'dop': expected one of sft, dpo, rm; did you mean 'dpo'?"),
        (("--to", ""), "--to"),
        (("--set", "train.lrr=1"), "unknown setting 'lrr'"),
        (("--base", "nothing-here"), "model 'nothing-here': no such file"),
        (("--set", "train.chat_template=none.jinja"), "cannot be read as text"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_a_mistake_is_one_line_and_exit_code_2(
    pairs: Run, tmp_path: Path, magpie: Call, words: tuple[str, str], said: str
) -> None:
    given = {"--base": "fledgling", "--to": str(tmp_path / "out")} | {words[0]: words[1]}
    code, errors = magpie("train", pairs.path, *(word for pair in given.items() if pair[1] for word in pair))
    assert code == 2
    assert said in errors
    assert errors.count("\n") == 1


def test_without_trl_the_install_command_is_named(
    pairs: Run, tmp_path: Path, magpie: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "trl" else find_spec("json"))
    code, errors = magpie("train", pairs.path, "--base", "fledgling", "--to", tmp_path / "out")
    assert code == 2
    assert "magpie train needs trl: " in errors
    assert "[train]" in errors
    assert not (tmp_path / "out").exists()


def test_an_old_trl_is_refused_and_lora_needs_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: find_spec("json"))
    monkeypatch.setattr(extras, "version", lambda _: "1.7.2")
    with pytest.raises(MissingExtra, match=r"needs TRL 1\.8 or later, and finds 1\.7\.2"):
        extras.check(Train(), gguf=False)
    monkeypatch.setattr(extras, "version", lambda _: "1.10.0.dev0")
    extras.check(Train(), gguf=False)
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in ("peft", "gguf") else find_spec("json"))
    with pytest.raises(MissingExtra, match="needs peft and gguf"):
        extras.check(Train(lora=Lora()), gguf=True)


@pytest.mark.usefixtures("installed")
def test_a_place_that_is_taken_is_refused(pairs: Run, tmp_path: Path, magpie: Call) -> None:
    (tmp_path / "config.json").write_text("{}")
    code, errors = magpie("train", pairs.path, "--base", "fledgling", "--to", tmp_path)
    assert (code, "holds a model already" in errors) == (2, True)
    code, errors = magpie("train", pairs.path, "--base", "fledgling", "--to", pairs.path / "model")
    assert (code, "lies inside the run" in errors) == (2, True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    code, errors = magpie("train", pairs.path, "--base", "fledgling", "--to", tmp_path / "other")
    assert (code, "is no training" in errors) == (2, True)


def test_what_is_left_is_told_from_the_pace_of_this_session() -> None:
    standing = Standing()
    standing.see({"event": "session", "steps": 100, "from": 40})
    assert standing.words() == "40/100 steps, resumed at step 40"
    standing.see({"event": "step", "step": 50, "steps": 100, "loss": 1.25, "learning_rate": 1e-4, "seconds": 20.0})
    assert standing.words() == "50/100 steps, loss 1.250, rate 1.0e-04, 1 min 40 s left"


def test_a_curve_leaves_out_steps_that_were_made_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    session = {"event": "session", "chosen": {}, "parameters": 5, "trainable": 5, "warmup_steps": 1}
    lines: list[dict[str, Any]] = [{**session, "from": 0}]
    lines += [{"event": "step", "step": step, "loss": 2.0, "seconds": step} for step in (1, 2, 3)]
    lines += [{**session, "from": 2}, {"event": "step", "step": 3, "loss": 1.0, "seconds": 0.5}]
    layout.log.write_bytes(b"\n".join(map(orjson.dumps, lines)) + b'\n{"event": "st')
    curve = read_curve(layout.log)
    assert {step: entry["loss"] for step, entry in curve.steps.items()} == {1: 2.0, 2: 2.0, 3: 1.0}
    assert (curve.seconds, curve.first, curve.last) == (3.5, 2.0, 1.0)


def test_a_loss_that_rose_is_warned_of(pairs: Run, tmp_path: Path) -> None:
    from rich.console import Console

    from magpie.cli.train import _print_end
    from magpie.train import Trained
    from magpie.train.curve import Curve

    for last, warned in ((0.5, False), (8.3, True)):
        figures = {"steps": 3, "first_loss": 1.0, "last_loss": last, "seconds": 1.0}
        shown = Console(file=StringIO(), width=200)
        _print_end(shown, pairs, Trained(tmp_path, {"method": "sft", "figures": figures}, Curve(), None), tmp_path)
        assert ("the loss rose: lower train.lr" in shown.file.getvalue()) is warned  # type: ignore[attr-defined]


# -- processes that end badly ------------------------------------------------------------------------------------------


def ended(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `work` makes of a process that runs a script in place of a training."""
    import sys

    layout = Layout(tmp_path)
    monkeypatch.setattr(process, "command", lambda *_: [sys.executable, "-c", script])
    return process.work(layout, 1, lambda _: None, downloads=False)


def test_a_process_that_is_killed_is_told_as_short_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"out of memory .*lower train\.device_batch") as raised:
        ended(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", monkeypatch)
    assert "\n" not in str(raised.value)


def test_a_process_that_ends_by_itself_is_told_by_what_it_said_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=r"ended by itself \(code 3\): OSError: no such thing; see .*output\.log"):
        ended(tmp_path, "import sys; print('OSError: no such thing', file=sys.stderr); sys.exit(3)", monkeypatch)


def test_what_a_training_calls_wrong_is_the_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"import json; json.dump({{'error': 'the loss is nan'}}, open({str(tmp_path / 'result.json')!r}, 'w'))"
    with pytest.raises(UserError, match="the loss is nan"):
        ended(tmp_path, script, monkeypatch)


def test_several_devices_are_started_by_accelerate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert process.gpus() == ["0", "1", "2"]
    words = process.command(Layout(tmp_path), 3)
    assert "accelerate.commands.launch" in words
    assert words[words.index("--num_processes") + 1] == "3"
    assert "--multi_gpu" in words
    assert process.command(Layout(tmp_path), 1)[-2:] == ["magpie.train.worker", str(tmp_path)]


def test_another_process_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    from magpie.train.training import _alone

    with (
        _alone(Layout(tmp_path)),
        pytest.raises(RunError, match="another process trains into it"),
        _alone(Layout(tmp_path)),
    ):
        pass
