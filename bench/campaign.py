"""Thousands of hostile documents and flipped bits, of which CI tries a slice (`tests/attack/`).

    python -m bench.campaign [--seed 0] [--sql 2000] [--recipes 2000] [--journals 2000] [--flips 2000]

Prints what was tried, taken and refused; ends with a traceback, and the document, at the first that is neither.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from magpie.runs.journal import read_lines
from magpie.stages.select.process import sandbox_process
from tests.attack.documents import bent_journal, sql_condition, yaml_recipe
from tests.attack.flips import flip, make_run
from tests.attack.test_documents import check_condition, check_journal, check_recipe, journal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    for name in ("sql", "recipes", "journals", "flips"):
        parser.add_argument(f"--{name}", type=int, default=2000)
    options = parser.parse_args()
    print(f"{'':12}{'tried':>8}  outcomes")
    with tempfile.TemporaryDirectory() as folder:
        for name, tries in (("sql", sql), ("recipes", recipes), ("journals", journals), ("flips", flips)):
            place = Path(folder) / name
            place.mkdir()
            count = getattr(options, name)
            outcomes = tries(random.Random(options.seed), count, place)
            told = ", ".join(f"{outcome} {number:,}" for outcome, number in sorted(outcomes.items()))
            print(f"{name:12}{count:8,}  {told}", flush=True)


def sql(dice: random.Random, count: int, _: Path) -> Counter[str]:
    with sandbox_process() as process:
        return Counter(_word(check_condition(process, sql_condition(dice))) for _ in range(count))


def recipes(dice: random.Random, count: int, _: Path) -> Counter[str]:
    return Counter(_word(check_recipe(yaml_recipe(dice))) for _ in range(count))


def journals(dice: random.Random, count: int, folder: Path) -> Counter[str]:
    whole = folder / "whole"
    whole.mkdir()
    path = journal(whole)
    lines, rows = path.read_bytes().splitlines(), len(list(read_lines(path)))

    def outcome(number: int) -> str:
        place = folder / str(number)
        place.mkdir()
        check_journal(place, bent_journal(lines, dice))
        return f"bent, of {rows} lines"

    return _counted(outcome, count)


def flips(dice: random.Random, count: int, folder: Path) -> Counter[str]:
    run = make_run(folder / "run")
    return _counted(lambda _: flip(run, dice), count)


def _counted(outcome: Callable[[int], str], count: int) -> Counter[str]:
    return Counter(outcome(number) for number in range(count))


def _word(taken: bool) -> str:
    return "taken" if taken else "refused"


if __name__ == "__main__":
    main()
