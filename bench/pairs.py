"""Whether a preference pair's better response is the better one: DPO pairs on fledgling, judged by its own grammar.

    python -m bench.pairs [--rows 200] [--n 5] [--temperature 1.0] [--by agreement] [--scorer FOLDER]
                          [--against worst] [--models A B] [--out FOLDER]

Every instruction is answered n times, the responses are scored, and the best stands against the worst (or the median,
or a random one). Of the pairs of which exactly one response is right by the grammar that fledgling was trained on, the
share in which that one is `chosen` is the figure: chance is a half. The scorer is fledgling itself, asked for a digit;
`--by agreement` counts instead which responses come to the same answer, and `--scorer` names the folder of a sequence
classifier, which needs the engines' environment. `--models` has
several models answer in turn, and tells how often each was chosen and rejected.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import magpie
from fledgling.statistics import Estimate, share
from fledgling.verdict import Talk, judge
from magpie.runs import Run


@dataclass(frozen=True, slots=True)
class Judged:
    """A row whose instruction the grammar knows, and which of its responses are right."""

    row: Mapping[str, Any]
    right: tuple[bool, ...]

    @property
    def pair(self) -> tuple[bool, bool] | None:
        """Whether the chosen and the rejected response are right; None where there is no pair."""
        if self.row["chosen"] is None:
            return None
        known = {one["response"]: right for one, right in zip(self.row["responses"], self.right, strict=True)}
        return known[self.row["chosen"]], known[self.row["rejected"]]


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "pairs"
        report(magpie.run("basic", size=options.rows, out=out, settings=(*settings(options), "name=pairs")))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--by", choices=["judge", "agreement"], default="judge")
    parser.add_argument("--scorer", help="a sequence classifier's folder; by default fledgling judges")
    parser.add_argument("--against", choices=["worst", "median", "random"], default="worst")
    parser.add_argument("--out", type=Path, help="keep the run there, or resume it: responses are not made twice")
    parser.add_argument("--models", nargs="*", default=[], help="models that answer in turn")
    return parser.parse_args()


def settings(options: argparse.Namespace) -> Iterable[str]:
    """The recipe of the paper's preference data, on the model inside the package."""
    reward = {"by": "classifier", "model": options.scorer} if options.scorer else {"by": options.by}
    given = {
        "respond.n": options.n,
        "respond.sampling.temperature": options.temperature,
        "respond.models": [{"model": model} for model in options.models],
        "reward": reward,
        "pair.rejected": options.against,
    }
    return (f"{name}={json.dumps(value)}" for name, value in given.items())


def judged(run: Run) -> list[Judged]:
    """The rows with responses whose instructions the grammar knows."""
    found = []
    for row in run.rows(kept=False):
        texts = [one["response"] for one in row["responses"] or ()]
        verdicts = [judge(Talk(None, (row["instruction"],), (text,))) for text in texts]
        if verdicts and verdicts[0].family is not None:
            found.append(Judged(row, tuple(verdict.right for verdict in verdicts)))
    return found


def report(run: Run) -> None:
    rows = judged(run)
    mixed = [one for one in rows if len(set(one.right)) == 2]
    pairs = [pair for one in rows if (pair := one.pair) is not None and one.row["drop_reason"] is None]
    differing = [chosen for chosen, rejected in pairs if chosen != rejected]
    dropped = next(one.dropped for one in run.counts() if one.stage == "pair")
    lines = {
        "instructions": f"{run.size}, {len(rows)} of them known to the grammar",
        "responses to these": f"{sum(len(one.right) for one in rows)}, right: {told(overall(rows))}",
        "with right and wrong responses": len(mixed),
        "a right one outscores a wrong one": told(outscored(mixed)),
        "pairs": f"{len(pairs)}; of all rows dropped: {dropped or 'none'}",
        "of two right ones, of two wrong ones": [sum(a and b for a, b in pairs), sum(not (a or b) for a, b in pairs)],
        "that differ": len(differing),
        "of these, the right one is chosen": told(share(sum(differing), len(differing))),
    }
    for name, value in lines.items():
        print(f"{name:38}{value}")
    by_model(run)


def overall(rows: Sequence[Judged]) -> Estimate:
    return share(sum(sum(one.right) for one in rows), sum(len(one.right) for one in rows))


def outscored(rows: Sequence[Judged]) -> Estimate:
    """Of all couples of a right and a wrong response to one instruction; ties count half, so are rounded down."""
    won, count = 0.0, 0
    for one in rows:
        scored = list(zip(one.right, one.row["response_rewards"], strict=True))
        good = [reward for right, reward in scored if right]
        bad = [reward for right, reward in scored if not right]
        won += sum((a > b) + (a == b) / 2 for a in good for b in bad)
        count += len(good) * len(bad)
    return share(int(won), count)


def models(row: Mapping[str, Any]) -> list[str]:
    return [one["model"] for one in row["responses"] or ()]


def by_model(run: Run) -> None:
    """How often each model answered, was chosen and was rejected."""
    rows = list(run.rows())
    answered = Counter(name for row in rows for name in models(row))
    chosen, rejected = (Counter(row[f"{which}_model"] for row in rows) for which in ("chosen", "rejected"))
    for name, count in answered.items():
        print(
            f"{name:38}{count} responses in pairs' rows, chosen {chosen[name]} times, rejected {rejected[name]} times"
        )


def told(figure: Estimate) -> str:
    if not figure.n:
        return "no case"
    return f"{100 * figure.value:.1f}% (95%: {100 * figure.low:.1f} to {100 * figure.high:.1f}, n = {figure.n})"


if __name__ == "__main__":
    main()
