"""The processes that train, as magpie holds them: how they are started, watched and ended. Knows no model.

They are in a session of their own, so that Ctrl-C is magpie's to answer: a single one is asked to write a checkpoint.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from magpie.engines.child.log import TAIL_BYTES, telling
from magpie.errors import ModelError, UserError
from magpie.safe.environment import child_environment
from magpie.safe.redaction import redact
from magpie.train.layout import Layout

LOOK_SECONDS = 0.25
"""Between two looks at the log."""
STOP_SECONDS = 120.0
"""How long a process that is asked to stop may take to write a checkpoint."""
ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "WANDB_DISABLED": "true",
}
WORKER = "magpie.train.worker"

See = Callable[[Mapping[str, Any]], None]
"""Is shown each line of the log."""


def gpus() -> list[str]:
    """The GPUs that a process here would see, by the names that CUDA_VISIBLE_DEVICES has for them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    found = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number in range(len(list(found.iterdir())))] if found.is_dir() else []


def command(layout: Layout, devices: int) -> list[str]:
    """What starts the training: one process, or one for each device by `accelerate launch`."""
    python = [sys.executable, "-u", "-P", "-m"]
    if devices == 1:
        return [*python, WORKER, str(layout.folder)]
    where = ["--multi_gpu"] if gpus() else ["--cpu"]
    numbers = ["--num_processes", str(devices), "--num_machines", "1", "--main_process_port", "0"]
    plain = ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"]
    launch = "accelerate.commands.launch"
    return [*python, launch, *where, *numbers, *plain, "-m", WORKER, str(layout.folder)]


def work(layout: Layout, devices: int, see: See, *, downloads: bool) -> Mapping[str, Any]:
    """Train, showing each new line of the log; what the first process says at its end. Raises `UserError` for what it
    calls wrong, and `KeyboardInterrupt` once a checkpoint is written.

    downloads: whether it fetches the base from the Hub, and gets the Hub's token.
    """
    layout.result.unlink(missing_ok=True)
    begin = layout.log.stat().st_size if layout.log.exists() else 0
    there = gpus()
    chosen = {"CUDA_VISIBLE_DEVICES": there[0]} if devices == 1 and len(there) > 1 else {}
    threads = {"OMP_WAIT_POLICY": "passive"}
    environment = {**threads, **child_environment(downloads=downloads), **ENVIRONMENT, **chosen}
    with layout.output.open("wb") as output:
        child = subprocess.Popen(
            command(layout, devices),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )
    try:
        for line in _lines(layout.log, begin, lambda: child.poll() is None):
            see(line)
    except KeyboardInterrupt:
        _stop(child, patient=devices == 1)
        raise
    finally:
        _kill(child)
    return _ended(layout, child.returncode)


def _lines(log: Path, begin: int, running: Callable[[], bool]) -> Iterator[Mapping[str, Any]]:
    """The lines that are added to the log while something runs."""
    at, rest = begin, b""
    while True:
        last = not running()
        if log.exists():
            with log.open("rb") as file:
                file.seek(at)
                *whole, rest = (rest + file.read()).split(b"\n")
                at = file.tell()
            for line in whole:
                with suppress(ValueError):
                    yield orjson.loads(line)
        if last:
            return
        time.sleep(LOOK_SECONDS)


def _stop(child: subprocess.Popen[bytes], *, patient: bool) -> None:
    """Ask for a checkpoint, where a process may be alone at a step; a second Ctrl-C does not wait for it."""
    if patient:
        child.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the processes, and whatever they started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _ended(layout: Layout, code: int) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = orjson.loads(layout.result.read_bytes())
    except (OSError, ValueError):
        raise ModelError(_how(layout, code)) from None
    if "error" in found:
        raise UserError(redact(str(found["error"])))
    return found


def _how(layout: Layout, code: int) -> str:
    """Why processes ended that said nothing."""
    from magpie.train.worker import out_of_memory

    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return out_of_memory("the system ended the training")
    said = telling(_tail(layout.output))
    return f"the training ended by itself (code {code}): {said or 'it said nothing'}; see {layout.output}"


def _tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return ["".join(letter for letter in line if letter.isprintable()) for line in lines if line.strip()]
