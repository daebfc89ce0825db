"""What a first-token ban costs: instructions with and without one, in turns, on the model inside the package.

    python -m bench.bans [--rows 1000] [--repeats 3] [--ban What --ban Can ...]

No engine bans a token at one place only, so the first token of a banned instruction is a request of its own. Prints
instructions a second (medians) and the share that begins with a banned word.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

import magpie


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ban", action="append")
    options = parser.parse_args()
    words = options.ban or ["What", "Can", "Write"]
    kinds = {"free": [], "banned": words}
    rounds = {kind: [one(options.rows, bans, words) for _ in range(options.repeats)] for kind, bans in kinds.items()}
    print(f"{'':8}{'rows/s':>10}{'requests/row':>14}{'begins so':>12}")
    for kind, measured in rounds.items():
        speed, share = median(s for s, _ in measured), median(b for _, b in measured)
        print(f"{kind:8}{speed:10,.0f}{2 if kinds[kind] else 1:14}{share:12.1%}")


def one(rows: int, bans: list[str], words: list[str]) -> tuple[float, float]:
    """Instructions a second, and the share that begins with one of the words."""
    settings = ("respond=null", f"instruct.first_token_bans=[{', '.join(bans)}]")
    with tempfile.TemporaryDirectory() as folder:
        run = magpie.run(size=rows, out=Path(folder) / "run", settings=settings)
        seconds = run.info["sessions"][-1]["stages"]["instruct"]["seconds"]
        begin = [str(row["instruction"]).startswith(tuple(words)) for row in run.rows()]
        return rows / seconds, sum(begin) / len(begin)


if __name__ == "__main__":
    main()
