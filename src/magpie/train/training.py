"""`train`: trains a base model on a run by a method, into a folder. A stopped training is resumed.

The folder holds a model when `config.json` is in it, which is moved there last. Until then its `training` holds what a
second call of the same job resumes from.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from magpie.errors import RunError, StorageError, UserError
from magpie.runs import Run, RunFolder, make_folder
from magpie.runs.files import write_whole
from magpie.train import extras
from magpie.train.bases import Base, open_base, parameters_of, write_json, write_tokenizer
from magpie.train.card import card_of
from magpie.train.choices import length
from magpie.train.curve import Curve, read_curve
from magpie.train.gguf import check_can_write, write_gguf
from magpie.train.layout import TOLD, Layout
from magpie.train.process import See, gpus, work
from magpie.train.rows import Prepared, check_run, prepare
from magpie.train.settings import Method, Train

Say = Callable[[str], None]
"""Receives a line for each step."""
FORMAT = 1
"""The format of `job.json`: a training in another format starts again."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training."""

    folder: Path
    told: Mapping[str, Any]
    """`training.json`: base, data, hyperparameters, figures."""
    curve: Curve
    gguf: Path | None


def train(
    run: Run,
    base: str,
    method: Method,
    to: Path,
    settings: Train = Train(),  # noqa: B008 (frozen)
    *,
    gguf: bool = False,
    say: Say = lambda _: None,
    see: See = lambda _: None,
) -> Trained:
    """Train the model `base` on the kept rows of `run`, and put it into the folder `to`; or resume that.

    base: a GGUF file, a Hugging Face folder, an id of the Hub, or a model inside the package. gguf: whether the folder
    is to hold a GGUF file too. say: receives a line for each step. see: receives each entry of the training's log.

    Raises `UserError` for all that the user can correct.

    Example: `train(open_run("runs/air"), "meta-llama/Meta-Llama-3-8B", "sft", Path("models/air"))`.
    """
    # 1. What can be refused before anything is written.
    extras.check(settings, gguf=gguf or base.lower().endswith(".gguf"))
    _check_place(to)
    check_run(run, method, settings)
    opened = open_base(base, settings, run)
    if gguf:
        check_can_write(opened, method)
    layout = Layout(to / "training")
    make_folder(layout.folder)
    with _alone(layout):
        return _train(run, opened, method, layout, settings, gguf, say, see)


def _train(
    run: Run, opened: Base, method: Method, layout: Layout, settings: Train, gguf: bool, say: Say, see: See
) -> Trained:
    to = layout.folder.parent
    # 2. The rows as ids.
    most = length(settings, method, opened.files.context)
    say("reading the rows")
    part = layout.rows.with_suffix(".new")
    prepared = prepare(run, method, opened.template, settings, most, part)
    # 3. The same job as before is resumed; another one may not replace it.
    job = _job(opened, method, settings, prepared, most)
    _settle_job(layout, job, part)
    say(_about(prepared, most))
    # 4. Train, in processes of its own.
    if not layout.done.exists():
        make_folder(layout.tokenizer)
        write_tokenizer(opened, layout.tokenizer, job["tokens"]["ends"], most)
        found = work(layout, job["devices"], see, downloads=opened.place.hub is not None)
        if "stopped" in found:
            raise KeyboardInterrupt
        layout.result.replace(layout.done)
    # 5. Put the model's folder together, `training.json` last; and move it to its place, `config.json` last.
    curve, name = read_curve(layout.log), f"{to.resolve().name}-f16.gguf"
    if not ((layout.model / TOLD).exists() or (to / TOLD).exists()):
        told = _told(run, opened, method, settings, job, prepared, orjson.loads(layout.done.read_bytes()), curve)
        shutil.copytree(layout.tokenizer, layout.model, dirs_exist_ok=True)
        if gguf:
            say("writing the GGUF file")
            write_gguf(opened, layout.model, layout.model / name, to.resolve().name)
        card = card_of(run, told, curve, name if gguf else None)
        write_whole(layout.model / "README.md", card.encode())
        write_json(layout.model / TOLD, told)
    _move(layout, to)
    return Trained(to, read_told(to), curve, to / name if (to / name).exists() else None)


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Raises `RunError` while another process trains into this folder."""
    lock = FileLock(layout.folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"{layout.folder.parent}: another process trains into it; wait for it, or end it") from None
    try:
        yield
    finally:
        lock.release()


def _check_place(to: Path) -> None:
    """Raise `UserError` for a folder that is in use by something else, or lies inside a run."""
    for folder in (to.resolve(), *to.resolve().parents):
        if RunFolder(folder).is_run():
            raise UserError(f"--to {str(to)!r}: lies inside the run {folder}; expected another place")
    if (to / "config.json").exists():
        raise StorageError(f"--to {str(to)!r}: holds a model already; expected a new folder, or remove this one")
    if to.exists() and (not to.is_dir() or (any(to.iterdir()) and not (to / "training").is_dir())):
        raise StorageError(f"--to {str(to)!r}: is there already, and is no training; expected a new folder")


def _job(base: Base, method: Method, settings: Train, prepared: Prepared, most: int) -> dict[str, Any]:
    """All that decides what is trained."""
    files = base.speaker_files
    ends = [token for token, _ in prepared.ends.most_common()]
    pad = files.tokenizer.id_of(files.special.get("pad_token", ""))
    bos = files.tokenizer.id_of(files.bos_token or "") if files.adds_bos or "bos_token" in base.chat_template else None
    return {
        "format": FORMAT,
        "base": base.name,
        "identity": base.place.identity(),
        "weights": base.weights,
        "method": method,
        "settings": settings.model_dump(mode="json"),
        "devices": settings.devices or max(1, len(gpus())),
        "max_length": most,
        "rows": prepared.rows,
        "tokens_in_all": prepared.tokens,
        "highest": prepared.highest,
        "digest": prepared.digest,
        "tokens": {"bos": bos, "ends": ends, "pad": ends[0] if pad is None else pad},
    }


_FREE = ("keep_checkpoints", "log_every", "checkpoint_every", "devices", "device_batch", "gradient_checkpointing")
"""Settings that may change when a training is resumed."""


def job_digest(job: Mapping[str, Any]) -> str:
    """The digest of a job: a training with the same digest is resumed."""
    named = {key: value for key, value in job.items() if key not in ("parent", "devices", "weights")}
    named["settings"] = {key: value for key, value in job["settings"].items() if key not in _FREE}
    return blake2b(orjson.dumps(named, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _settle_job(layout: Layout, job: Mapping[str, Any], rows: Path) -> None:
    """Raise `RunError` where the folder holds another training with at least one checkpoint, which is never deleted
    unasked. A training without a checkpoint starts again."""
    if layout.job.exists():
        before = orjson.loads(layout.job.read_bytes())
        if job_digest(before) != job_digest(job):
            if any(layout.checkpoints.glob("checkpoint-*")) or layout.done.exists():
                rows.unlink(missing_ok=True)
                other = _difference(before, job)
                raise RunError(
                    f"{layout.folder.parent}: holds a training that was begun with {other}; expected "
                    "the same command to resume it, another --to, or remove that folder"
                )
            for path in (layout.log, layout.base, layout.tokenizer, layout.model):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    rows.replace(layout.rows)
    write_whole(layout.job, orjson.dumps({**job, "parent": os.getpid()}, option=orjson.OPT_INDENT_2))


def _difference(before: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    names = {"identity": "another base", "digest": "other rows", "method": "another method", "base": "another base"}
    for key, said in names.items():
        if before.get(key) != job[key]:
            return said
    changed = [key for key, value in job["settings"].items() if before["settings"].get(key) != value]
    return f"another train.{changed[0]}" if changed else "an earlier version of magpie"


def _about(found: Prepared, most: int) -> str:
    """What became of the rows, in a line."""
    kind = "rows" if found.method == "sft" else "pairs"
    parts = [
        f"{found.rows:,} {kind}, {found.tokens:,} tokens, {found.supervised / found.tokens:.0%} of them learned from"
    ]
    if found.too_long:
        parts.append(f"{found.too_long:,} longer than {most:,} tokens are left out (train.max_length)")
    if found.refused:
        reason, count = found.refused.most_common(1)[0]
        parts.append(f"{found.refused.total():,} do not come through the chat template ({count:,}: {reason})")
    if found.unended:
        parts.append(f"{found.unended:,} have a turn that no special token ends")
    return "; ".join(parts)


def _told(
    run: Run,
    base: Base,
    method: Method,
    settings: Train,
    job: Mapping[str, Any],
    prepared: Prepared,
    done: Mapping[str, Any],
    curve: Curve,
) -> dict[str, Any]:
    """`training.json`."""
    return {
        "method": method,
        "base": {
            "name": base.name,
            "hub": base.place.hub,
            "revision": base.place.revision,
            "identity": job["identity"],
            "parameters": curve.parameters or parameters_of(base.place),
        },
        "tokenizer": base.speaker_files.name,
        "data": {"run": run.name, **prepared.plain(), "system": settings.system, "reasoning": settings.reasoning},
        "hyperparameters": {**curve.chosen, "warmup_steps": curve.warmup_steps},
        "lora": None if settings.lora is None else settings.lora.model_dump(mode="json"),
        "figures": {
            "steps": done["steps"],
            "seconds": round(curve.seconds, 1),
            "first_loss": curve.first,
            "last_loss": curve.last,
            "trainable_parameters": curve.trainable,
        },
        "device": done["device"],
        "versions": done["versions"],
    }


def _move(layout: Layout, to: Path) -> None:
    """Put the model's files into their folder, `config.json` last; then remove what only a stopped training needs."""
    files = [path.relative_to(layout.model) for path in layout.model.rglob("*") if path.is_file()]
    for file in sorted(files, key=lambda path: (path.name == "config.json", path.name == TOLD, path)):
        make_folder((to / file).parent)
        (layout.model / file).replace(to / file)
    for path in (layout.model, layout.checkpoints, layout.base, layout.tokenizer):
        shutil.rmtree(path, ignore_errors=True)
    for path in layout.folder.iterdir():
        if path.suffix == ".arrow" or path == layout.done:
            path.unlink()


def read_told(folder: Path) -> Mapping[str, Any]:
    """`training.json` of a folder that `train` made."""
    found: Mapping[str, Any] = json.loads((folder / TOLD).read_text(encoding="utf-8"))
    return found
