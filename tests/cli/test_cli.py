"""The command line: what it prints, what it refuses, and how it leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from magpie.cli import main
from magpie.cli.commands import command
from magpie.cli.template import _print_samples
from magpie.errors import EngineDied, RunError
from magpie.modelfiles.locate import find_model
from magpie.runs import RunFolder
from tests.engines.fault_server import Ask, Say, completion, fault_server, vanish
from tests.engines.tiny_gguf import TinyModel, write_gguf

MAGPIE = [sys.executable, "-m", "magpie"]


@pytest.fixture
def magpie(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process; gives its exit code, output and errors."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def run(tmp_path: Path, magpie: Any) -> Path:
    """A finished run of 150 rows on the scripted engine."""
    out = tmp_path / "first"
    code, _, errors = magpie("run", "--size", 150, "--out", out, "--set", "engine=scripted")
    assert (code, errors) == (0, "")
    return out


def test_a_run_ends_with_conversations_drops_tokens_time_and_what_to_type_next(tmp_path: Path, magpie: Any) -> None:
    code, output, _ = magpie("run", "--size", 150, "--out", tmp_path / "first", "--set", "engine=scripted")
    assert code == 0
    assert output.count("user: ") == 5
    assert output.count("assistant: ") == 5
    assert "instruct dropped" in output
    assert "completion tokens" in output
    assert "s of work" in output
    assert "magpie export" in output


def test_output_that_is_not_a_terminal_is_plain_lines(tmp_path: Path, magpie: Any) -> None:
    _, output, _ = magpie("run", "--size", 150, "--out", tmp_path / "first", "--set", "engine=scripted")
    assert "instruct (1 of 2): 150/150 rows" in output
    assert "\x1b" not in output


def test_a_run_as_json_is_one_document_and_progress_goes_elsewhere(tmp_path: Path, magpie: Any) -> None:
    _, output, errors = magpie("run", "--size", 50, "--out", tmp_path, "--set", "engine=scripted", "--json")
    summary = json.loads(output)
    assert summary["size"] == 50
    assert summary["stages"][0]["made"] == 50
    assert "instruct (1 of 2)" in errors


def test_a_dry_run_prints_the_recipe_and_the_plan_and_makes_nothing(tmp_path: Path, magpie: Any) -> None:
    words = ("run", "--dry-run", "--size", 7, "--out", tmp_path / "x", "--set", "seed=3")
    _, recipe, _ = magpie(*words, "--yaml")
    assert "size: 7" in recipe
    assert "seed: 3" in recipe
    _, output, _ = magpie(*words)
    assert "2 respond" in output
    assert "reads instruction" in output
    assert not (tmp_path / "x").exists()


def test_a_dry_run_says_what_is_there_already_and_how_stages_came_to_be_set(run: Path, magpie: Any) -> None:
    _, output, _ = magpie("run", "--dry-run", "--size", 400, "--out", run)
    assert re.search(r"1 +instruct +400 +150 ", output)
    assert "temperature 1.0, top_p 1.0, max_tokens 2048" in output
    plan = json.loads(magpie("run", "--dry-run", "--json", "--out", run, "--set", "respond.sampling.top_p=0.9")[1])
    assert [stage["made_before"] for stage in plan["stages"]] == [150, 0]


def test_what_is_not_exact_about_a_server_s_prompts_is_told_before_and_in_the_run(tmp_path: Path, magpie: Any) -> None:
    engine = "engine={url: 'http://127.0.0.1:9/v1', api: text, served_model: m, context: 256}"
    told = "warning: the server takes text and no token ids"
    assert told in magpie("run", "--dry-run", "--out", tmp_path / "x", "--set", engine)[1]
    plan = json.loads(magpie("run", "--dry-run", "--json", "--out", tmp_path / "x", "--set", engine)[1])
    assert plan["warnings"]
    code, output, errors = magpie("run", "--size", 5, "--out", tmp_path / "x", "--set", engine)
    assert (code, told in output, "takes no connection" in errors) == (2, True, True)


def test_status_counts_what_show_shows(run: Path, magpie: Any) -> None:
    status = json.loads(magpie("status", run, "--json")[1])
    assert status["kept"] + sum(sum(stage["dropped"].values()) for stage in status["stages"]) == 150
    assert f"Kept {status['kept']} of 150 rows" in magpie("status", run)[1]


def test_show_prints_as_many_conversations_as_asked(run: Path, magpie: Any) -> None:
    assert magpie("show", run, "-n", 3)[1].count("first-") == 3
    rows = [json.loads(line) for line in magpie("show", run, "-n", 3, "--json")[1].splitlines()]
    assert [len(row["messages"]) for row in rows] == [2, 2, 2]


def test_show_dropped_gives_the_reasons(run: Path, magpie: Any) -> None:
    assert "dropped by" in magpie("show", run, "--dropped")[1]


def test_recipes_are_listed_and_printed_whole(magpie: Any) -> None:
    assert "basic" in magpie("recipes")[1]
    assert "model: fledgling" in magpie("recipes", "basic")[1]
    assert json.loads(magpie("recipes", "basic", "--json")[1])["seed"] == 0


def test_doctor_says_which_engines_run(magpie: Any) -> None:
    assert json.loads(magpie("doctor", "--json")[1])["engines"]["llamacpp"]["runs"] is True
    assert "llamacpp     runs" in magpie("doctor")[1]


def test_doctor_says_what_auto_takes_and_what_would_have_to_be_installed(magpie: Any) -> None:
    assert json.loads(magpie("doctor", "--json")[1])["auto"].keys() == {
        "a GGUF file", "a Hugging Face folder", "a model on the Hub", "a folder with OpenVINO's IR"
    }  # fmt: skip
    assert "engine: auto takes" in magpie("doctor")[1]


def test_template_shows_the_prompts_and_a_conversation(magpie: Any) -> None:
    found = json.loads(magpie("template", "fledgling", "--json")[1])
    assert found["pre_query"]["text"] == "<|im_start|>user\n"
    assert "<|im_start|>assistant\n" in magpie("template", "fledgling")[1]


def test_template_shows_what_the_model_writes_from_that_pre_query(magpie: Any) -> None:
    code, out, _ = magpie("template", "fledgling", "--sample", "2", "--json")
    samples = json.loads(out)["samples"]
    assert code == 0
    assert [set(one) for one in samples] == [{"text", "instruction", "sanitized_by", "drop_reason", "error"}] * 2
    assert all(one["instruction"] for one in samples)


def test_what_a_model_writes_from_a_pre_query_is_escaped_for_the_terminal() -> None:
    said = {"text": "\x1b]0;own\x07Why? [bold]", "instruction": "\x1b[2J", "sanitized_by": "\x1b[1m", "error": None}
    console = Console(file=StringIO(), width=80, highlight=False)
    _print_samples(console, [{**said, "drop_reason": "\x9b1m"}, {**said, "error": "\x1b[3m", "drop_reason": None}])
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.replace("\n", "").isprintable()
    assert "[bold]" in shown


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("messages", {"id", "messages"}),
        ("sharegpt", {"id", "conversations"}),
        ("alpaca", {"id", "instruction", "input", "output"}),
    ],
)
def test_export_writes_json_lines(run: Path, tmp_path: Path, magpie: Any, form: str, expected: set[str]) -> None:
    code, output, _ = magpie("export", run, "--format", form, "--to", tmp_path / "new" / "out.jsonl")
    lines = (tmp_path / "new" / "out.jsonl").read_text().splitlines()
    assert (code, f"{len(lines)} rows" in output) == (0, True)
    assert all(set(json.loads(line)) == expected for line in lines)


def test_help_is_there_for_every_command(magpie: Any) -> None:
    _, output, _ = magpie("--help")
    for name in ("run", "status", "show", "export", "template", "recipes", "doctor"):
        assert name in output
        assert magpie(name, "--help")[0] == 0


def a_run_of_a_newer_format(folder: Path) -> Path:
    (folder / "run.json").write_text('{"format": 99}')
    return folder


def a_folder_with_a_thesis(folder: Path) -> Path:
    (folder / "thesis.tex").write_text("")
    return folder


def not_gguf(folder: Path) -> Path:
    (folder / "model.gguf").write_bytes(b"PK\x03\x04 something else \xff entirely")
    return folder / "model.gguf"


def gguf_without_chat_template(folder: Path) -> Path:
    write_gguf(folder / "model.gguf", TinyModel(chat_template=None))
    return folder / "model.gguf"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--model", "none.gguf", "--out", "{tmp}/x"], "model 'none.gguf': no such file"),
        (["run", "--model", not_gguf, "--out", "{tmp}/x"], "GGUF"),
        (["run", "--model", gguf_without_chat_template, "--out", "{tmp}/x"], "chat template"),
        (
            ["run", "--model", str(find_model("fledgling").parent), "--set", "engine=llamacpp", "--out", "{tmp}/x"],
            "engine llamacpp runs a GGUF file, and",
        ),
        (["run", "--model", "fledgeling", "--out", "{tmp}/x"], "did you mean 'fledgling'?"),
        (["run", "--out", "{tmp}/" + 300 * "x"], "File name too long"),
        (["run", "--recipe", not_gguf, "--out", "{tmp}/x"], "not a YAML file that can be read"),
        (["export", "{tmp}", "--to", "{tmp}/x.jsonl", "--format", "parquet"], "every column goes into Parquet"),
        (["export", "{tmp}"], "expected a file, a folder or -"),
        (["export", "{tmp}", "--to", "{tmp}/x", "--test-share", "1"], "expected a share from 0 to below 1"),
        (["export", "{tmp}", "--to", "{tmp}/x", "--reasoning", "insides"], "did you mean 'inside'?"),
        (["run", "--out", a_folder_with_a_thesis], "holds 'thesis.tex' and no run"),
        (["run", "--out", a_run_of_a_newer_format], "made by a newer magpie (format 99"),
        (["run", "--size", "0", "--out", "{tmp}/x"], "size: Input should be greater than or equal to 1, found 0"),
        (["run", "--size", "-3", "--out", "{tmp}/x"], "found -3"),
        (["run", "--recipe", "basik", "--out", "{tmp}/x"], "did you mean 'basic'?"),
        (["run", "--set", "sise=3", "--out", "{tmp}/x"], "unknown setting 'sise'; did you mean 'size'?"),
        (["run", "--set", "size=many", "--out", "{tmp}/x"], "size: Input should be a valid integer, found 'many'"),
        (["run", "--set", "template.chat_template=none.jinja", "--out", "{tmp}/x"], "cannot be read"),
        (["status", "{tmp}/none"], "there is nothing here"),
        (["show", "{tmp}"], "not a run"),
        (["export", "{tmp}", "--to", "{tmp}/x", "--format", "aplaca"], "did you mean 'alpaca'?"),
        (["template", "nothing"], "and no model of that name in the package"),
        (["template", "fledgling", "--thinking", "perhaps"], "expected on or off"),
    ],
)
def test_a_user_s_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, magpie: Any, arguments: list[Any], message: str
) -> None:
    words = [a.format(tmp=tmp_path) if isinstance(a, str) else a(tmp_path) for a in arguments]
    code, output, errors = magpie(*words)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert errors.startswith("magpie: error: ")
    assert message in errors


SECRET_URL = "http://bob:hunter2@127.0.0.1:9/v1"


@pytest.mark.parametrize(
    "settings",
    [
        [f"engine={SECRET_URL}"],
        [f"engine={SECRET_URL}", "engine.retries=1"],
        [f"engine.url={SECRET_URL}", "engine.api=vllm", "engine.served_model=m", "engine.context=99"],
        [f"respond.engine={SECRET_URL}"],
        [f"embed.embedder={SECRET_URL}"],
        ["engine=bob:hunter2@127.0.0.1:9"],
        [f"model={SECRET_URL}"],
        [f"template.chat_template={SECRET_URL}"],
        [f"name={SECRET_URL}"],
        [f"{SECRET_URL}"],
    ],
)
def test_a_password_is_never_printed(tmp_path: Path, magpie: Any, settings: list[str]) -> None:
    words = [word for setting in settings for word in ("--set", setting)]
    for further in ([], ["--dry-run"]):
        code, output, errors = magpie("run", "--size", 5, "--out", tmp_path / "x", *further, *words)
        assert code == 2
        assert "hunter2" not in output + errors
    assert not any(b"hunter2" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_what_an_engine_died_of_is_printed_without_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line of defence: whatever error comes, from wherever."""
    monkeypatch.setenv("SOME_API_KEY", "sk-Zq81-never-shown")
    for error in (EngineDied("no: sk-Zq81-never-shown"), RunError("no: http://a:sk-Zq81-never-shown@b")):
        monkeypatch.setattr("magpie.cli.app.app", lambda error=error, **_: _raise(error))
        with pytest.raises(SystemExit):
            main(["doctor"])
        assert "sk-Zq81" not in capsys.readouterr().err


def _raise(error: Exception) -> None:
    raise error


def test_a_second_process_on_a_run_is_refused(run: Path, magpie: Any) -> None:
    with RunFolder(run).locked():
        code, _, errors = magpie("run", "--out", run)
    assert code == 2
    assert "another process is working on this run" in errors


def test_nothing_kept_is_not_exported(tmp_path: Path, magpie: Any) -> None:
    settings = ["--set", "engine=scripted", "--set", "engine.empty_rate=1.0"]
    magpie("run", "--size", 5, "--out", tmp_path / "r", *settings)
    code, _, errors = magpie("export", tmp_path / "r", "--to", tmp_path / "x.jsonl")
    assert code == 2
    assert "nothing to export" in errors
    assert not (tmp_path / "x.jsonl").exists()


def test_a_run_that_keeps_nothing_says_why_and_does_not_offer_an_export(tmp_path: Path, magpie: Any) -> None:
    settings = ["--set", "engine=scripted", "--set", "respond.sampling.max_tokens=1"]
    _, output, _ = magpie("run", "--size", 5, "--out", tmp_path / "r", *settings)
    assert "truncated (a larger max_tokens lets more of them end)" in output
    assert "export" not in output


def test_rows_that_failed_are_shown_with_what_went_wrong(tmp_path: Path, magpie: Any) -> None:
    settings = ["--set", "engine=scripted", "--set", "engine.fail_rate=1.0"]
    _, output, _ = magpie("run", "--size", 5, "--out", tmp_path / "[r]", *settings)
    again = command("run", "--out", tmp_path / "[r]")
    assert "instruct failed 5: the scripted engine fails this request" in output
    assert f"to try them again (three times at most, then with --retry-failed): {again}\n" in output


FAILING = ["--set", "engine=scripted", "--set", "engine.fail_rate=1.0"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_run_in_which_every_row_failed_is_exit_code_1_and_one_line(
    tmp_path: Path, magpie: Any, as_json: bool
) -> None:
    words = ["run", "--size", 5, "--out", tmp_path / "r", *(["--json"] if as_json else [])]
    code, output, errors = magpie(*words, *FAILING)
    last = errors.splitlines()[-1]
    assert code == 1
    assert last.startswith(
        "magpie: error: every row that was tried failed: instruct failed 5 (the scripted engine fails this request"
    )
    assert last.endswith(f"To try them again: {command('run', '--out', tmp_path / 'r')}")
    assert json.loads(output)["stages"][0]["failed"] == 5 if as_json else "instruct failed 5" in output
    code, _, errors = magpie(*words)
    assert (code, "every row that was tried failed" in errors) == (1, True), "and again where they fail again"
    code, _, errors = magpie(*words, "--set", "engine.fail_rate=0.0")
    assert (code, "failed" in errors) == (0, False)


def test_a_run_whose_last_stage_made_nothing_is_exit_code_1(tmp_path: Path, magpie: Any) -> None:
    respond = ["--set", "respond.engine={name: scripted, fail_rate: 1.0}"]
    code, output, errors = magpie("run", "--size", 20, "--out", tmp_path / "r", "--set", "engine=scripted", *respond)
    assert code == 1
    assert "every row that was tried failed: respond failed" in errors
    assert "instruct failed" not in output + errors


@pytest.mark.parametrize("as_json", [False, True])
def test_a_run_in_which_some_rows_failed_is_exit_code_0_and_says_so(tmp_path: Path, magpie: Any, as_json: bool) -> None:
    some = ["--set", "engine=scripted", "--set", "engine.fail_rate=0.3"]
    words = ["run", "--size", 60, "--out", tmp_path / "r", *(["--json"] if as_json else [])]
    code, output, errors = magpie(*words, *some)
    assert code == 0
    assert "failed" in (errors if as_json else output)
    assert "the scripted engine fails this request" in (errors if as_json else output)


def test_a_few_rows_that_keep_failing_beside_new_ones_are_no_failure_of_the_run(tmp_path: Path, magpie: Any) -> None:
    """The first stage has only them to make, and made the others before."""
    some = ["--set", "engine=scripted", "--set", "engine.fail_rate=0.1", "--set", "respond=null"]
    magpie("run", "--size", 40, "--out", tmp_path / "r", *some)
    again = ["--set", "respond={}", "--set", "engine.fail_rate=1.0", "--set", "respond.engine=scripted"]
    code, output, errors = magpie("run", "--out", tmp_path / "r", *again)
    assert (code, "every row that was tried failed" in errors) == (0, False)
    assert "instruct failed" in output


def test_a_stage_by_name_in_which_every_row_failed_is_exit_code_1(run: Path, magpie: Any) -> None:
    settings = ["--set", "tag.engine={name: scripted, fail_rate: 1.0}", "--set", "tag.model=fledgling"]
    code, _, errors = magpie("tag", run, *settings)
    assert code == 1
    assert "every row that was tried failed: tag failed" in errors


def test_status_says_that_a_server_was_lost_and_what_to_do(tmp_path: Path, magpie: Any) -> None:
    def script(asked: Ask) -> Any:
        if asked.number < 12:
            return (
                Say(completion((5,)[: asked.body["max_tokens"] - 1])) if "completions" in asked.path else Say({}, 404)
            )
        if asked.number == 12:
            death.start()
        return vanish

    with fault_server(script) as server:
        death = threading.Thread(target=server.stop)
        quick = "concurrency: 2, retries: 1, connect_seconds: 1, patience: 1"
        engine = f"engine={{url: '{server.url}', api: vllm, {quick}}}"
        words = ["--size", 40, "--out", tmp_path / "r", "--set", "respond=null", "--set", engine]
        code, _, errors = magpie("run", *words)
        assert (code, errors.count("what was made is kept")) == (2, 1)
        death.join()
        output = magpie("status", tmp_path / "r")[1]
        assert "The last session ended because its server was lost: nothing from http://127.0.0.1" in output
        assert f"Start the server again; then, to resume: {command('run', '--out', tmp_path / 'r')}\n" in output
        ended = json.loads(magpie("status", tmp_path / "r", "--json")[1])["last_session"]
        assert (ended["ended"], "nothing from" in ended["error"]) == ("ServerLost", True)
        server.start()


def test_status_says_how_else_a_session_ended(run: Path, magpie: Any) -> None:
    told = {
        "stopped": "was stopped. To resume: ",
        "EngineDied": "ended because its engine died: out of luck. What was made is kept",
        "RunError": "ended with an error (RunError): out of luck. When that is mended",
        None: "was killed",
    }
    index = json.loads((run / "run.json").read_text())
    del index["checksum"]  # so that the file may be changed here
    assert index["sessions"][-1]["ended"] == "done"
    assert "The last session" not in magpie("status", run)[1]
    for ended, line in told.items():
        index["sessions"][-1] |= {"ended": ended, "error": "out of luck"}
        (run / "run.json").write_text(json.dumps(index))
        assert f"The last session {line}" in magpie("status", run)[1]
    del index["sessions"][-1]["error"]  # as an earlier magpie wrote it
    (run / "run.json").write_text(json.dumps(index | {"sessions": [index["sessions"][-1] | {"ended": "ServerLost"}]}))
    assert "its server was lost: no more is known of it. Start the server again" in magpie("status", run)[1]


def test_an_address_without_its_scheme_is_answered_with_the_url_that_was_meant(tmp_path: Path, magpie: Any) -> None:
    code, _, errors = magpie("run", "--out", tmp_path / "x", "--set", "engine=127.0.0.1:8123")
    assert (code, "expected http://127.0.0.1:8123/v1" in errors) == (2, True)
    code, _, errors = magpie("run", "--out", tmp_path / "x", "--set", "engine.url=127.0.0.1:8123")
    assert (code, "did you mean http://127.0.0.1:8123/v1?" in errors) == (2, True)


def test_an_export_follows_a_link_and_writes_into_a_pipe(run: Path, tmp_path: Path, magpie: Any) -> None:
    (tmp_path / "real.jsonl").write_text("old")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    assert magpie("export", run, "--to", tmp_path / "link.jsonl")[0] == 2
    assert (tmp_path / "real.jsonl").read_text() == "old"
    magpie("export", run, "--to", tmp_path / "link.jsonl", "--overwrite")
    assert (tmp_path / "link.jsonl").is_symlink()
    whole = (tmp_path / "real.jsonl").read_text()
    assert json.loads(whole.splitlines()[0])["messages"]
    piped = subprocess.run([*MAGPIE, "export", run, "--to", "-"], capture_output=True, text=True, check=True)
    assert piped.stdout == whole
    assert "rows written" in piped.stderr


def test_an_export_to_the_output_adds_to_a_file_that_the_shell_opened(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious\n")
    with (tmp_path / "out").open("ab") as out:
        subprocess.run([*MAGPIE, "export", run, "--to", "-"], stdout=out, stderr=subprocess.PIPE, check=True)
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines[0] == "precious"
    assert len(lines) > 100


def test_a_damaged_page_is_one_line_in_every_command(run: Path, tmp_path: Path, magpie: Any) -> None:
    for shard in run.glob("*-*/*.parquet"):
        content = bytearray(shard.read_bytes())
        content[40:400] = bytes(360)
        shard.write_bytes(content)
    for words in (["show", run], ["export", run, "--to", tmp_path / "x"]):  # status and a resume read footers only
        code, _, errors = magpie(*words)
        assert (code, errors.count("\n")) == (2, 1)
        assert "cannot be read" in errors or "so the file is damaged" in errors


def test_a_parquet_file_is_parquet_by_its_name(run: Path, tmp_path: Path, magpie: Any) -> None:
    magpie("export", run, "--to", tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("form", ["messages", "sharegpt", "alpaca"])
def test_a_run_of_instructions_is_exported_as_parquet_only(tmp_path: Path, magpie: Any, form: str) -> None:
    magpie("run", "--size", 5, "--out", tmp_path / "r", "--set", "engine=scripted", "--set", "respond=null")
    code, _, errors = magpie("export", tmp_path / "r", "--to", tmp_path / "x", "--format", form)
    assert (code, f"{form} needs the column response, and the run has none: use parquet" in errors) == (2, True)
    assert magpie("export", tmp_path / "r", "--to", tmp_path / "x.parquet")[0] == 0


def test_a_terminal_that_is_not_utf_8_shows_what_it_can(run: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run([*MAGPIE, "show", run, "-n", "50"], env=environment, capture_output=True, check=True)
    assert b"\\u6771\\u4eac" in shown.stdout


def test_a_dead_engine_is_exit_code_1_and_keeps_the_rows(tmp_path: Path, magpie: Any) -> None:
    settings = ["--set", "engine=scripted", "--set", "engine.window=8", "--set", "engine.die_after_polls=3"]
    code, _, errors = magpie("run", "--size", 50, "--out", tmp_path, *settings)
    assert code == 1
    assert "the engine died" in errors
    assert json.loads(magpie("status", tmp_path, "--json")[1])["stages"][0]["made"] > 0


def test_ctrl_c_says_how_to_go_on_and_exits_with_130(tmp_path: Path) -> None:
    out = tmp_path / "slow"
    settings = ["--set", "engine=scripted", "--set", "engine.window=2", "--set", "engine.seconds=0.2"]
    with subprocess.Popen([*MAGPIE, "run", "--out", out, *settings], stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(out.glob("*-*/*.part")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"stopped; everything made is in {out}. To resume: {command('run', '--out', out)}\n" in errors


def test_a_closed_pipe_is_not_an_error(run: Path) -> None:
    command = f"{sys.executable} -m magpie show {run} -n 50 | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_what_a_model_wrote_cannot_reach_the_terminal_as_more_than_text(tmp_path: Path, magpie: Any) -> None:
    out = tmp_path / "hostile"
    magpie("run", "--size", 5, "--out", out, "--set", "engine=scripted", "--set", "respond=null")
    hostile = "\x1b]0;owned\x07[red]not markup[/red]\x9b31m\u202egnp.exe"
    for path in out.glob("1-*/*.parquet"):
        rows = path.with_suffix(".part")
        row = {"row": 0, "instruction": hostile, "instruction_raw": None, "sanitized_by": None}
        row |= {"drop_reason": None, "error": None}
        counts = dict.fromkeys(("prompt_tokens", "completion_tokens", "wasted_tokens", "input_digest"), 0)
        rows.write_text(json.dumps(row | counts) + "\n")
        path.unlink()
    output = magpie("show", out, "-n", 5)[1]
    assert "\\x1b]0;owned\\x07[red]not markup[/red]\\x9b31m\\u202egnp.exe" in "".join(output.split("\n"))
    assert not any(character in output for character in "\x1b\x07\x9b\u202e")


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(tmp_path: Path, run: Path) -> None:
    """A limit on the size of files stands in for a disk that fills: the system refuses a write in the middle."""
    out, limit = tmp_path / "full", 20_000
    command = [*MAGPIE, "run", "--out", str(out), "--size", "150", "--set", "engine=scripted", "--set", "name=first"]
    limited = f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
    limited += "from magpie.cli import main; main(sys.argv[1:])"
    full = subprocess.run([sys.executable, "-c", limited, *command[3:]], capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert full.stderr.count("\n") == 1
    assert "nothing made is lost" in full.stderr
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    rows = [sorted(path.read_bytes() for path in folder.glob("*-*/*.parquet")) for folder in (out, run)]
    assert rows[0] == rows[1]
    assert json.loads(done.stdout)["size"] == 150


def test_help_opens_nothing_heavy() -> None:
    heavy = "pyarrow", "duckdb", "tokenizers", "xllamacpp", "jinja2", "pydantic", "aiohttp"
    code = f"import sys; from magpie.cli import app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
