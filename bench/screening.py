"""What the screening rules drop that they should not, what they find, and how fast they are.

    python -m bench.screening [--prompts 20000] [--rows 100000] [--only rules,speed,...]

Right and wrong are known: prompts and replies are those of the corpus that fledgling was trained on, where each has the
family that made it. Code is the Python library's own, cut into pieces. Figures are for one thread; memory is the peak
of a process of its own. Prints Markdown.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from bench.languages import CODES
from fledgling.corpus import chat
from fledgling.imperfect import ANY_BY_NAME, IMPERFECT, recognise_any
from magpie.stages.decontaminate.work import Overlap, find_overlaps, make_index
from magpie.stages.dedup.settings import Dedup
from magpie.stages.dedup.sketches import Shape
from magpie.stages.dedup.work import dedup
from magpie.stages.screen.build import rules_of
from magpie.stages.screen.language import open_detector
from magpie.stages.screen.pii import KINDS, find_pii
from magpie.stages.screen.settings import Language as LanguageSettings
from magpie.stages.screen.settings import Screen
from magpie.stages.screen.work import RULES, Rules, compression, repeated_share, why_screened
from magpie.stages.screen_responses.settings import ScreenResponses

PARTS = ("rules", "responses", "code", "speed", "dedup", "benchmarks", "memory")
BAD = {family.name for family in IMPERFECT}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak_of_dedup(options.rows))
        return
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "rules": lambda: rules_on_prompts(options.prompts),
        "responses": lambda: rules_on_replies(options.prompts),
        "code": rules_on_code,
        "speed": lambda: speeds(options.prompts),
        "dedup": lambda: duplicates(options.prompts),
        "benchmarks": lambda: benchmarks(options.prompts),
        "memory": lambda: memory(options.rows),
    }
    for name in options.only.split(","):
        for line in parts[name]():
            print(line, flush=True)
        print()


# -- rules -------------------------------------------------------------------------------------------------------------


@cache
def prompts(count: int) -> tuple[tuple[str, str, str], ...]:
    """Prompt, family and reply of first turns: the same for the same count."""
    rng = Random(11)
    turns = (chat(rng).turns[0] for _ in range(count))
    return tuple((turn.prompt, turn.family or "", turn.reply) for turn in turns)


def rules_on_prompts(count: int) -> Iterator[str]:
    """For each kind of prompt, how many each rule drops."""
    kinds: dict[str, list[str]] = {}
    for prompt, family, _ in prompts(count):
        kinds.setdefault(family if family in BAD else f"good, {ANY_BY_NAME[family].language}", []).append(prompt)
    rules = rules_of(Screen())
    yield from table("instructions", kinds, rules)
    found = Counter(kind for texts in kinds.values() for text in texts for kind in find_pii(text))
    yield f"\nDropped where just its language is wanted: {wrongly_foreign(count)} of {count:,}."
    yield f"\nPersonal data found in the {count:,}: {dict(found) or 'none'}; there is none in them."


def wrongly_foreign(count: int) -> int:
    """Prompts that would be dropped as of another language than theirs."""
    wanted, detect, dropped = LanguageSettings(), open_detector(), 0
    for prompt, family, _ in prompts(count):
        told, confidence = detect(prompt)
        sure = told is not None and (confidence or 0.0) >= wanted.min_confidence
        dropped += sure and told != CODES[ANY_BY_NAME[family].language]
    return dropped


def rules_on_replies(count: int) -> Iterator[str]:
    """The same for the replies: those to unsafe prompts refuse."""
    kinds: dict[str, list[str]] = {}
    for _, family, reply in prompts(count):
        kinds.setdefault("to unsafe" if family == "unsafe" else "others", []).append(reply)
    yield from table("responses", kinds, rules_of(ScreenResponses()))


def rules_on_code() -> Iterator[str]:
    """Whole functions and classes of Python's library: none ends unfinished."""
    kinds = {"Python, functions and classes": python_pieces(), "C, headers": c_headers()}
    yield from table("code", kinds, rules_of(Screen()))
    yield "\nFewest letters and digits, most repeated runs of words, most compression: " + "; ".join(
        f"{kind} {min(map(letters, pieces)):.2f}, {max(map(repeated_share, pieces)):.2f}, "
        f"{max(map(compression, pieces)):.1f}"
        for kind, pieces in kinds.items()
    )


def table(what: str, kinds: Mapping[str, list[str]], rules: Rules) -> Iterator[str]:
    found = {kind: Counter(why_screened(text, rules) for text in texts) for kind, texts in kinds.items()}
    names = [rule for rule in RULES if any(counts[rule] for counts in found.values())]
    yield " | ".join([f"| {what} | rows", *(f"`{name}`" for name in names)]) + " |"
    yield "|---|---:|" + "---:|" * len(names)
    for kind in sorted(kinds):
        yield " | ".join([f"| {kind} | {len(kinds[kind]):,}", *(str(found[kind][name]) for name in names)]) + " |"
    silent = [f"`{name}`" for name in RULES if name not in names]
    yield f"\nNothing dropped by {', '.join(silent)}."


def python_pieces() -> list[str]:
    """Functions and classes of the library at the top level of their files, 100 to 4000 characters."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    pieces = []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        parts = ("\n" + text).split("\ndef ")[1:] + ("\n" + text).split("\nclass ")[1:]
        pieces += ["def " + part.split("\n\n\n")[0].rstrip() for part in parts]
    return [piece for piece in pieces if 100 <= len(piece) <= 4000]


def letters(text: str) -> float:
    """Their share of what is no space."""
    return sum(map(str.isalnum, text)) / sum(map(len, text.split()))


def c_headers() -> list[str]:
    """Python's own, whole."""
    files = sorted(Path(sysconfig.get_paths()["include"]).rglob("*.h"))
    return [text for file in files if 100 <= len(text := file.read_text(encoding="utf-8").strip()) <= 8000]


# -- speed -------------------------------------------------------------------------------------------------------------


def speeds(count: int) -> Iterator[str]:
    """Rows a second of one thread's processor time."""
    texts = [prompt for prompt, _, _ in prompts(count)]
    long = [" ".join(texts[start : start + 10]) for start in range(0, len(texts) - 10, 10)]
    rules, detect = rules_of(Screen()), open_detector()
    detect("warm")
    yield "| rows/s | short (mean characters) | long (mean characters) |\n|---|---:|---:|"
    mean = [sum(map(len, several)) / len(several) for several in (texts, long)]
    steps = {
        "rules": lambda text: why_screened(text, rules),
        "personal data": lambda text: find_pii(text, KINDS),
        "language": detect,
        "all three": lambda text: (why_screened(text, rules), find_pii(text, KINDS), detect(text)),
    }
    for name, step in steps.items():
        rates = [rate(step, several) for several in (texts, long)]
        cells = (f"{each:,.0f} ({size:.0f})" for each, size in zip(rates, mean, strict=True))
        yield f"| {name} | " + " | ".join(cells) + " |"


def rate(step: Any, texts: list[str]) -> float:
    started = time.process_time()
    for text in texts:
        step(text)
    return len(texts) / (time.process_time() - started)


# -- duplicates --------------------------------------------------------------------------------------------------------


@dataclass
class Rows:
    """A corpus that lies in memory."""

    texts: list[str]
    scratch: Path
    reported: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.texts)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for start in range(0, self.count, 4096):
            texts = self.texts[start : start + 4096]
            yield pa.record_batch(
                {
                    "row": pa.array(range(start, start + len(texts)), pa.int64()),
                    "instruction": pa.array(texts, pa.string()),
                }
            )

    def report(self, figures: Mapping[str, Any]) -> None:
        self.reported.update(figures)


def duplicates(count: int) -> Iterator[str]:
    """Which of the near duplicates ask for the same, by their families and slots."""
    texts = [prompt for prompt, _, _ in prompts(count)]
    asked = Dedup()
    usual = Shape(asked.ngram, asked.threshold, asked.numbers)
    yield "| n-gram, threshold, numbers | exact | near, same task | near, another task | rows/s |"
    yield "|---|---:|---:|---:|---:|"
    for shape in (usual, replace(usual, numbers=False), replace(usual, threshold=0.7), replace(usual, ngram=1)):
        started = time.process_time()
        made = run_dedup(texts, shape)
        spent = time.process_time() - started
        reasons = Counter(row["drop_reason"] for row in made)
        near = [row for row in made if row["drop_reason"] == "near_duplicate"]
        same = sum(task(texts[row["row"]]) == task(texts[row["duplicate_of"]]) for row in near)
        told = ", ".join(map(str, asdict(shape).values()))
        yield f"| {told} | {reasons['duplicate']} | {same} | {len(near) - same} | {count / spent:,.0f} |"
    repeated = {number for number, (_, family, _) in enumerate(prompts(count)) if family == "repeated"}
    gone = sum(row["row"] in repeated and row["drop_reason"] is not None for row in run_dedup(texts, usual))
    distinct = len({texts[number] for number in repeated})
    yield f"\nOf {len(repeated)} prompts that are sent again and again, {distinct} different ones, {gone} are dropped."


@cache
def task(prompt: str) -> tuple[str, Any] | None:
    """The family that asks, and its slots."""
    found = recognise_any(prompt)
    return None if found is None else (found[0].name, tuple(sorted(found[1].items())))


def run_dedup(texts: list[str], shape: Shape) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        return list(pa.concat_tables(dedup(Rows(texts, Path(folder)), shape)).to_pylist())


def benchmarks(count: int) -> Iterator[str]:
    """A benchmark made of the corpus's own prompts: which instructions are said to be in it, and which are."""
    rng = Random(99)
    benchmark = list(dict.fromkeys(chat(rng).turns[0].prompt for _ in range(1000)))
    tasks = {task(prompt) for prompt in benchmark}
    planted = [f"Dear all! {prompt.upper()} Many thanks to everybody here." for prompt in benchmark]
    texts = [prompt for prompt, _, _ in prompts(count)]
    yield "| words in a run | planted, found | others, same task | others, another task | rows/s |"
    yield "|---|---:|---:|---:|---:|"
    for ngram in (13, 8):
        index = make_index({"it": benchmark}, Overlap(ngram=ngram))
        inside = sum(found is not None for found in find_overlaps(planted, index))
        started = time.process_time()
        found = find_overlaps(texts, index)
        spent = time.process_time() - started
        hit = [text for text, overlap in zip(texts, found, strict=True) if overlap]
        same = sum(task(text) in tasks for text in hit)
        cells = (f"{inside} of {len(planted):,}", f"{same}", f"{len(hit) - same}", f"{count / spent:,.0f}")
        yield f"| {ngram} | " + " | ".join(cells) + " |"


def memory(rows: int) -> Iterator[str]:
    """Of a process that does nothing else; the texts themselves are made as they are read."""
    for count in (rows // 10, rows):
        command = [sys.executable, "-m", "bench.screening", "--rows", str(count), "--peak"]
        yield subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def peak_of_dedup(rows: int) -> str:
    class Made(Rows):
        @property
        def count(self) -> int:
            return rows

        def batches(self) -> Iterator[pa.RecordBatch]:
            rng = Random(3)
            for start in range(0, rows, 4096):
                numbers = range(start, min(rows, start + 4096))
                texts = [self.texts[rng.randrange(len(self.texts))] + f" {rng.choice(self.texts)}" for _ in numbers]
                yield pa.record_batch({"row": pa.array(numbers, pa.int64()), "instruction": pa.array(texts)})

    texts = [prompt for prompt, _, _ in prompts(20_000)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Made(texts, Path(folder))
        for _ in dedup(corpus, Shape(3, 0.8, True)):
            pass
        disk = sum(file.stat().st_size for file in Path(folder).iterdir())
    spent = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"{rows:,} rows: {(peak - before) / 1024:,.0f} MB of memory, {disk / 1e6:,.0f} MB on disk, {rows / spent:,.0f} "
        f"rows/s; {corpus.reported}"
    )


if __name__ == "__main__":
    main()
