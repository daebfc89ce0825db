"""Whether imports keep every text, and how long and how much memory they take.

    python -m bench.imports --documents 100000 --malformed 100000     # documents of known shapes, by hypothesis
    python -m bench.imports --rows 1000000                            # ShareGPT rows of 3 KB, in one JSON array

The first draws documents of the shapes in docs/imports.md from texts of any characters, and counts those whose texts
all come in exactly, and those that are dropped with a reason; then as many that are malformed somewhere, which are
written as rows all the same. The second imports files of growing size in a process of its own and prints its time and
peak memory.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from magpie.imports.documents import Document, replaced_surrogates
from magpie.imports.json_rows import documents_of
from magpie.imports.keys import Shaped
from magpie.imports.shapes import shape, shape_with_care
from magpie.imports.writing import Writer
from magpie.runs import StageFolder

# -- documents ---------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\ufffd"), min_size=1, max_size=60).filter(
    lambda text: not text.isspace() and not text.lstrip().startswith(("<think>", "Human:", "[{", "{"))
)
"""Texts that say something. What is read as another thing by its beginning is left out: thoughts, HH-RLHF, JSON."""
SPEAKERS = (
    ("role", "content", "user", "assistant"),
    ("from", "value", "human", "gpt"),
    ("from", "value", "user", "bing"),
)
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=4)
    | st.sampled_from(["user", "assistant", "thinking", "<think>", "\ud800", "[{'role':", '[{"role":', '["a"]'])
    | st.sampled_from(['[{"role": "user", "content": "a"}]', '{"role": "assistant", "content": "a"}', "model_a"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "from", "content", "value", "text", "type", "thinking", "replies", "a"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KEYS = tuple(
    word
    for line in (
        "instruction input output response prompt completion question answer query messages conversations conversation",
        "data items chosen rejected system system_prompt history responses completions reasoning turns turn_reasoning",
        "label rewards_armorm score_chosen instruct_reward min_neighbor_distance repeat_count is_repeat language",
        "difficulty input_quality task_category other_task_category llama_guard_2 gen_input_configs min_similar_uuid",
        "source uuid id row error drop_reason embedding meta model instruction_2 response_2 context text labels",
        "conversation_a conversation_b response_a response_b winner winner_model_a model_a rejected_reasoning",
    )
    for word in line.split()
)
OF_TALK = st.lists(TEXTS, min_size=2, max_size=6).filter(lambda texts: len(texts) % 2 == 0)


@dataclass(frozen=True)
class Written:
    """A document, and what it says."""

    kind: str
    document: Any
    turns: tuple[str, ...]
    system: str | None = None
    pair: tuple[str, str] | None = None


@st.composite
def talks(draw: st.DrawFn) -> Written:
    texts, (who, what, user, assistant) = draw(OF_TALK), draw(st.sampled_from(SPEAKERS))
    messages = [{who: (user, assistant)[n % 2], what: text} for n, text in enumerate(texts)]
    system, inside = draw(st.none() | TEXTS), draw(st.booleans())
    if system is not None and inside:
        messages.insert(0, {who: "system", what: system})
    beside = {"system": system} if system is not None and not inside else {}
    key = draw(st.sampled_from(["messages", "conversations", "conversation"]))
    return Written("messages", {key: messages, **beside, **draw(extras())}, tuple(texts), system)


@st.composite
def alpacas(draw: st.DrawFn) -> Written:
    texts, given_input = draw(OF_TALK), draw(TEXTS | st.just("") | st.none())
    history = [list(pair) for pair in zip(texts[:-2:2], texts[1:-2:2], strict=True)]
    names = draw(st.sampled_from([("instruction", "output"), ("instruction", "response"), ("prompt", "completion")]))
    document: dict[str, Any] = {names[0]: texts[-2], names[1]: texts[-1], **({"history": history} if history else {})}
    if given_input is not None:
        document["input"] = given_input
    asked = f"{texts[-2]}\n\n{given_input}" if given_input and given_input != texts[-2] else texts[-2]
    return Written("alpaca", {**document, **draw(extras())}, (*texts[:-2], asked, texts[-1]))


@st.composite
def questions(draw: st.DrawFn) -> Written:
    texts = draw(st.tuples(TEXTS, TEXTS))
    names = draw(st.sampled_from([("question", "answer"), ("query", "response"), ("problem", "solution")]))
    return Written("question", dict(zip(names, texts, strict=True)), texts)


@st.composite
def pairs(draw: st.DrawFn) -> Written:
    asked, chosen, rejected = draw(st.tuples(TEXTS, TEXTS, TEXTS).filter(lambda texts: texts[1] != texts[2]))
    (who, what, user, assistant), form = draw(st.sampled_from(SPEAKERS)), draw(st.integers(0, 3))
    prompt, sides = {who: user, what: asked}, [{who: assistant, what: text} for text in (chosen, rejected)]
    forms: tuple[dict[str, Any], ...] = (
        {"prompt": asked, "chosen": chosen, "rejected": rejected},
        {"prompt": [prompt], "chosen": [sides[0]], "rejected": [sides[1]]},
        {"chosen": [prompt, sides[0]], "rejected": [prompt, sides[1]]},
        {"conversations": [prompt], "chosen": sides[0], "rejected": sides[1]},
    )
    document = forms[form]
    return Written("pair", {**document, **draw(extras())}, (asked, chosen), pair=(chosen, rejected))


def extras() -> st.SearchStrategy[dict[str, Any]]:
    values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | st.lists(TEXTS, max_size=3)
    return st.dictionaries(st.sampled_from(["source", "topic", "score", "category", "hash"]), values, max_size=3)


WELL_FORMED = talks() | alpacas() | questions() | pairs()
MALFORMED = st.dictionaries(st.sampled_from(KEYS), JUNK | TEXTS | OF_TALK, max_size=8) | JUNK


def said(row: Shaped) -> tuple[str, ...]:
    """The turns of a row."""
    columns = row.columns
    first = [columns[name] for name in ("instruction", "response") if name in columns]
    return (*first, *(turn["content"] for turn in columns.get("turns", ())))


def as_read(document: Any) -> Document | None:
    """The document as it comes out of a file; None where the file holds another value."""
    found = next(iter(documents_of(orjson.loads(orjson.dumps(document)), "")), None)
    return found if isinstance(found, Document) else None


def keeps_all(written: Written) -> bool:
    """Whether a document came in with every text exactly. Raises where it came in otherwise and was not dropped."""
    found = as_read(written.document)
    row = shape(found.values) if found is not None else Shaped(drop_reason="no object")
    if row.drop_reason is not None:
        return False
    assert found is None or shape_with_care(found.values) == row, written
    pair = (row.columns["chosen"], row.columns["rejected"]) if written.pair else None
    assert (said(row), row.columns.get("system"), pair) == (written.turns, written.system, written.pair), written
    return True


def as_row(document: Any) -> Shaped:
    """A document as a row. Raises where its columns do not hold what they say."""
    document = replaced_surrogates(document)  # as whatever reads a file does
    row = shape(document if isinstance(document, dict) else {"messages": document})
    assert row.drop_reason or row.columns["instruction"].strip()
    for name in ("instruction", "response", "system", "chosen", "rejected"):
        assert isinstance(row.columns.get(name), str | None), name
    return row


def drawn(strategy: st.SearchStrategy[Any], count: int, look: Callable[[Any], None]) -> None:
    """Look at `count` examples, in rounds, since hypothesis keeps the examples of a round in mind."""
    for number, size in enumerate(_rounds(count)):

        @seed(number)
        @settings(
            max_examples=size,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def look_at(example: Any) -> None:
            look(example)

        look_at()


def _rounds(count: int, most: int = 5_000) -> Iterator[int]:
    while count > 0:
        yield min(count, most)
        count -= most


def check(documents: int, malformed: int) -> None:
    """Print how many documents came in whole. Raises on the first that came in otherwise."""
    kept: Counter[tuple[str, bool]] = Counter()

    def look(written: Written) -> None:
        kept[written.kind, keeps_all(written)] += 1

    drawn(WELL_FORMED, documents, look)
    for kind in sorted({kind for kind, _ in kept}):
        whole, dropped = kept[kind, True], kept[kind, False]
        print(
            f"{kind:10} {whole:>8,} whole, {dropped:,} dropped with a reason ({100 * whole / (whole + dropped):.3f}%)"
        )
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(StageFolder(Path(folder) / "0-import-00000000", "import", ()), 1000)
        drawn(MALFORMED, malformed, lambda document: writer.add(as_row(document)))
        writer.finish()
    print(f"malformed  {malformed:>8,} read or dropped with a reason, none raised")


# -- speed -------------------------------------------------------------------------------------------------------------


def write_sharegpt(path: Path, rows: int) -> None:
    """One JSON array of conversations of four turns, 3 KB each."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(5000)]
    with path.open("wb") as file:
        for number in range(rows):
            text = " ".join(draw.choices(words, k=112))
            talk = [{"from": ("human", "gpt")[n % 2], "value": f"{text} {n}"} for n in range(4)]
            file.write((b",\n" if number else b"[\n") + orjson.dumps({"id": f"row_{number}", "conversations": talk}))
        file.write(b"\n]\n")


def measure(rows: int) -> None:
    """Import a file of that many rows in a process of its own; print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.json"
        write_sharegpt(path, rows)
        size = path.stat().st_size
        began = time.monotonic()
        command = [sys.executable, "-m", "magpie", "import", str(path), "--to", str(Path(folder) / "run"), "--json"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)  # of this process alone: RUSAGE_CHILDREN adds up all before it
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        if process.returncode:
            raise SystemExit(f"magpie import ended with {process.returncode}")
        load = os.getloadavg()[0]
        print(
            f"{rows:>9,} rows, {size / 2**20:,.0f} MiB: {wall:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of "
            f"processors, load {load:.0f}), {used.ru_maxrss / 2**10:,.0f} MiB at most",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=0, help="well-formed documents to draw")
    parser.add_argument("--malformed", type=int, default=0, help="malformed documents to draw")
    parser.add_argument("--rows", type=int, nargs="*", default=[], help="rows of files to import, smallest first")
    asked = parser.parse_args()
    if asked.documents or asked.malformed:
        check(asked.documents, asked.malformed)
    for rows in asked.rows:
        measure(rows)


if __name__ == "__main__":
    main()
