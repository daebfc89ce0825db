"""What the sanitizing rules take off an instruction, and what they take off one that is clean.

    python -m bench.sanitizing PLANTED.jsonl [--rules all] [--wrong] [--judge MODEL [--every 5] [--set a.b=c ...]]

A line of the file has `kind`, `text` and `want`: the text with what was planted taken off, null where no request is
left; of kinds that begin with `c_`, the text itself. Prints, as Markdown, how many of each kind come out exactly, of
texts with an even and with an odd number apart. `--wrong` prints those that do not. `--judge` asks a model as well, as
the stage `sanitize` does, about what the rules have left (`--rules ""` is the judge alone); `--every` takes every n-th
text, and `--set` says how the judge is run.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import magpie
from magpie.imports import import_dataset
from magpie.templates.sanitize import rule_names, sanitize


@dataclass
class Tally:
    """Texts of a kind, and those that came out exactly, with an even and with an odd number."""

    seen: list[int] = field(default_factory=lambda: [0, 0])
    right: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, number: int, right: bool) -> None:
        self.seen[number % 2] += 1
        self.right[number % 2] += right

    def __iadd__(self, other: Tally) -> Tally:
        self.seen = [a + b for a, b in zip(self.seen, other.seen, strict=True)]
        self.right = [a + b for a, b in zip(self.right, other.right, strict=True)]
        return self

    @property
    def cells(self) -> str:
        halves = " | ".join(f"{right}/{seen}" for right, seen in zip(self.right, self.seen, strict=True))
        return f"{sum(self.right)}/{sum(self.seen)} | {sum(self.right) / max(1, sum(self.seen)):.1%} | {halves}"


def is_clean(row: Mapping[str, Any]) -> bool:
    """Whether nothing was planted in a text."""
    return str(row["kind"]).startswith("c_")


def is_right(row: Mapping[str, Any], found: str) -> bool:
    """Whether a text came out as it should: a clean one to the last character."""
    if is_clean(row):
        return bool(found == row["text"])
    return bool(found.strip() == (row["want"] or "").strip())


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def by_rules(rows: Sequence[Mapping[str, Any]], rules: Sequence[str]) -> list[str]:
    """What the rules leave of each text."""
    return [sanitize(row["text"], rules)[0] for row in rows]


def by_judge(texts: Sequence[str], model: str, settings: Sequence[str]) -> tuple[list[str], Counter[str]]:
    """What a judge leaves of each text, and how often it found what. Texts without any request are not asked about."""
    given = [(place, text) for place, text in enumerate(texts) if text.strip()]
    with TemporaryDirectory() as name:
        file, out = Path(name) / "texts.jsonl", Path(name) / "run"
        lines = [json.dumps({"instruction": text}, ensure_ascii=False) for _, text in given]
        file.write_text("\n".join(lines), encoding="utf-8")
        import_dataset(file, out)
        judged = magpie.run(out=out, settings=("respond=null", f"sanitize={{model: {model}}}", *settings))
        rows = judged.table().sort_by("row").to_pylist()
    found, verdicts = list(texts), Counter[str]()
    for (place, _), row in zip(given, rows, strict=True):
        verdict = row["sanitize_verdict"]
        verdicts[verdict or "unread"] += 1
        found[place] = "" if verdict == "no_request" else row["instruction"]
    return found, verdicts


def measure(rows: Sequence[Mapping[str, Any]], rules: Sequence[str]) -> dict[str, Tally]:
    """What the rules come to: a tally for each kind, in the order of the file."""
    return tallied(rows, by_rules(rows, rules))


def tallied(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> dict[str, Tally]:
    """A tally for each kind of what was left of each text."""
    found: dict[str, Tally] = defaultdict(Tally)
    for place, (row, text) in enumerate(zip(rows, texts, strict=True)):
        digits = re.findall(r"\d+", str(row.get("id", place)))
        found[row["kind"]].add(int(digits[-1]) if digits else place, is_right(row, text))
    return dict(found)


def total(found: Mapping[str, Tally], *, clean: bool) -> Tally:
    """The tally of all kinds that are clean, or that are not."""
    whole = Tally()
    for kind, tally in found.items():
        if kind.startswith("c_") is clean:
            whole += tally
    return whole


def table(found: Mapping[str, Tally]) -> Iterator[str]:
    """Lines of Markdown."""
    yield "| kind | exact | share | even | odd |"
    yield "|---|---:|---:|---:|---:|"
    for kind, tally in found.items():
        yield f"| {kind} | {tally.cells} |"
    yield f"| **planted** | {total(found, clean=False).cells} |"
    yield f"| **clean, unchanged** | {total(found, clean=True).cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("planted", type=Path)
    parser.add_argument("--rules", default="all", help="names with commas between them")
    parser.add_argument("--wrong", action="store_true", help="print the texts that do not come out exactly")
    parser.add_argument("--judge", metavar="MODEL", help="ask this model what is the user's")
    parser.add_argument("--every", type=int, default=1, help="measure on every n-th text")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="settings of the judge's run")
    asked = parser.parse_args()
    rows, rules = read(asked.planted)[:: asked.every], rule_names([name for name in asked.rules.split(",") if name])
    texts, verdicts = by_rules(rows, rules), Counter[str]()
    if asked.judge:
        texts, verdicts = by_judge(texts, asked.judge, asked.settings)
    print("\n".join(table(tallied(rows, texts))))
    if verdicts:
        print(f"\nthe judge: {', '.join(f'{count} {verdict}' for verdict, count in verdicts.most_common())}")
    for row, found in zip(rows, texts, strict=True) if asked.wrong else ():
        if not is_right(row, found):
            print(json.dumps({**row, "found": found, "by": sanitize(row["text"], rules)[1]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
