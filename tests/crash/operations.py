"""The commands that are broken off, each with what is there before it and what must be there after.

Knows what a folder holds; not how a command is broken off.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import orjson

from tests.crash.commands import Ended, run

DATE = re.compile(rb"date: '\d{4}-\d\d-\d\d'")
BOOKKEEPING = frozenset({"run.json", "timeline.parquet", "lock"})
"""Files of a run that say how it was made, not what was made: two runs with the same rows have others."""
SHARED_WORK = frozenset({"leases", "workers"})
"""Folders in which those who work on a run agree on who does what."""
SLOW = "{name: scripted, window: 16, seconds: 0.02}"
"""An engine that takes its time, so that rows are under way when a kill comes."""
ROWS = """
name: crashed
size: 200
shard_rows: 32
seed: 11
engine: {name: scripted, window: 16, seconds: 0.02}
instruct: {first_token_bans: [What]}
"""
"""Small shards, so that sealing is under way often; a window that does not divide them, so that two are open; two
requests to an instruction, so that completions are replayed."""
INSTRUCTIONS = """
name: crashed
size: SIZE
shard_rows: 64
seed: 11
engine: scripted
respond: null
"""
TABLES = "screen: {min_chars: 30}\nembed: {embedder: hashing}\n"
CORPORA = "dedup: {}\nembed: {embedder: hashing}\nneighbors: {}\nselect: {limit: 100}\n"
MANY = 1500
"""Rows where a row costs little."""


def _ready(folder: Path, *arguments: str) -> None:
    """Run a command that has to end well."""
    ended = run(arguments, folder)
    assert ended.code == 0, ended.errors


@dataclass(frozen=True)
class Operation:
    """A command that is repeated until it is done."""

    name: str
    prepare: Callable[[Path], None]
    """Puts into a folder what the command needs."""
    arguments: tuple[str, ...]
    """Of the command, which runs in that folder."""
    refuses_again: bool = False
    """Whether it refuses, with exit code 2, to do a second time what is done."""
    writes_last: bool = False
    """Whether nothing of what it makes is on the disk until its end."""
    timed: frozenset[str] = frozenset()
    """Files that say how long something took: that they are there is all that two have in common."""
    apart: str = "no folder"
    """Where it keeps what only it needs: how that looks afterwards does not count."""
    rows_alone: bool = False
    """Whether files may differ in how often a row was tried: it fails, and a resumed run tries it again."""

    def is_done(self, ended: Ended) -> bool:
        """Whether a command that nothing disturbed ended as it should."""
        return ended.code == 0 or (self.refuses_again and ended.code == 2) or (self.rows_alone and ended.code == 1)


def _recipe(text: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        (folder / "recipe.yaml").write_text(text)

    return prepare


def _instructed(more: str, *, size: int = MANY) -> Callable[[Path], None]:
    """A run of instructions, and a recipe that has more stages."""

    def prepare(folder: Path) -> None:
        (folder / "first.yaml").write_text(INSTRUCTIONS.replace("SIZE", str(size)))
        _ready(folder, "run", "--recipe", "first.yaml", "--out", "run", "--json")
        (folder / "recipe.yaml").write_text(INSTRUCTIONS.replace("SIZE", str(size)) + more)

    return prepare


def _documents(folder: Path) -> None:
    rows = (
        {"conversations": [{"from": "human", "value": f"Question {n}?"}, {"from": "gpt", "value": f"Answer {n}. " * 9}]}
        | ({"late": n} if n > 9_000 else {})
        for n in range(10_000)
    )
    (folder / "documents.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))


def _whole(more: str = "", *, size: int = 600) -> Callable[[Path], None]:
    """A finished run."""

    def prepare(folder: Path) -> None:
        text = INSTRUCTIONS.replace("SIZE", str(size)).replace("respond: null\n", "") + more
        (folder / "recipe.yaml").write_text(text)
        _ready(folder, "run", "--recipe", "recipe.yaml", "--out", "run", "--json")

    return prepare


def _edited(folder: Path) -> None:
    """A finished run whose recipe then asks for longer instructions and other responses."""
    _whole("screen: {min_chars: 30}\n", size=600)(folder)
    recipe = folder / "run" / "recipe.yaml"
    text = recipe.read_text()
    assert "min_chars: 30" in text
    recipe.write_text(text.replace("min_chars: 30", "min_chars: 60") + "follow_up: {turns: 2}\n")


def _smaller(folder: Path) -> None:
    """A finished run of 500 rows; the last shard is not full."""
    (folder / "recipe.yaml").write_text(ROWS.replace("size: 200", "size: 100"))
    _ready(folder, "run", "--recipe", "recipe.yaml", "--out", "run", "--json")


def _prompts(folder: Path) -> None:
    prompts = ({"instruction": f"What is {n} + {n}?", "output": f"{2 * n}.", "generator": "them"} for n in range(300))
    (folder / "prompts.jsonl").write_bytes(b"\n".join(map(orjson.dumps, prompts)))


def _pairs(folder: Path) -> None:
    answers = ("Paris.", "Rome, I think.", "Seven days make a week.", "3 + 4 = 7.")
    rows = ({"instruction": f"What is number {n}?", "output": f"{n}: {answers[n % 4]}"} for n in range(60))
    (folder / "rows.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    _ready(folder, "import", "rows.jsonl", "--to", "run", "--json")


RUN = ("run", "--recipe", "recipe.yaml", "--out", "run", "--json")
EVALUATE = (
    "evaluate", "fledgling", "--prompts", "prompts.jsonl", "--against", "prompts.jsonl", "--judge", "fledgling",
    "--set", "engine=scripted", "--set", f"compare.engine={SLOW}", "--set", "compare.labels=[D, E]",
    "--out", "run", "--report", "page.html", "--overwrite", "--json",
)  # fmt: skip

TRAIN = (
    "train", "run", "--base", "fledgling-base", "--to", "model", "--json", "--set", "train.max_steps=60",
    "--set", "train.batch=4", "--set", "train.checkpoint_every=5", "--set", "train.tokenizer=fledgling",
)  # fmt: skip
"""Needs TRL."""
SAFETY = ("safety", "run", "--set", f"safety.engine={SLOW}", "--json")
SELECT = ("select", "run", "--with", "length(response) > 60", "--limit", "500", "--json")

OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("row stages", _recipe(ROWS), RUN),
        Operation("rows that fail", _recipe(ROWS.replace("0.02}", "0.02, fail_rate: 0.05}")), RUN, rows_alone=True),
        Operation("table stages", _instructed(TABLES), RUN),
        Operation("corpus stages", _instructed(CORPORA), RUN),
        Operation("one stage", _whole(size=300), SAFETY),
        Operation("larger size", _smaller, ("run", "--out", "run", "--size", "250", "--json")),
        Operation("edited recipe", _edited, ("run", "--out", "run", "--json")),
        Operation("import", _documents, ("import", "documents.jsonl", "--to", "run", "--json")),
        Operation("select", _whole(size=MANY), SELECT, writes_last=True),
        Operation(
            "export to a file",
            _whole(size=MANY),
            ("export", "run", "--to", "rows.jsonl", "--overwrite"),
            writes_last=True,
        ),
        Operation(
            "export to a folder",
            _whole(size=MANY),
            ("export", "run", "--to", "dataset"),
            refuses_again=True,
            writes_last=True,
        ),
        Operation("report", _whole(), ("report", "run", "--to", "page.html", "--overwrite"), writes_last=True),
        Operation(
            "train",
            _pairs,
            TRAIN,
            refuses_again=True,
            timed=frozenset({"model/README.md", "model/training.json"}),
            apart="model/training/",
        ),
        Operation("evaluate", _prompts, EVALUATE, timed=frozenset({"page.html"})),
    )
}


def files(folder: Path, timed: Collection[str] = (), apart: str = "no folder") -> dict[str, str]:
    """Every file of a folder that holds what was made, with a digest of its bytes. A recipe names its inputs by where
    they lie, and the day of the chat template: neither is a difference."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if SHARED_WORK & set(path.relative_to(folder).parts):
            continue
        if path.is_file() and path.name not in BOOKKEEPING and not str(path.relative_to(folder)).startswith(apart):
            data = path.read_bytes().replace(bytes(folder.resolve()), b"HERE")
            if path.name == "recipe.yaml":
                data = DATE.sub(b"", data)
            name = str(path.relative_to(folder))
            found[name] = "" if name in timed else blake2b(data, digest_size=16).hexdigest()
    return found


def trace(folder: Path) -> Mapping[str, tuple[int, int]]:
    """Size and time of every file that rows, or what is made of them, are written to: what changes here is work."""
    found = {}
    for path in folder.rglob("*"):
        if path.name in BOOKKEEPING or path.name.startswith(("recipe.yaml", "run.json")):
            continue
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            found[str(path)] = (stat.st_size, stat.st_mtime_ns)
    return found


def copied(prepared: Path, place: Path) -> Path:
    """A copy of what an operation needs; times of files stay."""
    shutil.copytree(prepared, place, symlinks=True)
    return place
