"""`python -m fledgling`: corpus, tokenizer, training, export, in one go. The README has the figures."""

import argparse
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # or busy threads stop a shared machine; torch reads it on import

import numpy as np
import torch
from tokenizers import Tokenizer

from fledgling.chat import document
from fledgling.corpus import conversations
from fledgling.export import export
from fledgling.model import Shape
from fledgling.tokenizer import load_tokenizer, train_tokenizer
from fledgling.train import Training, train

TOKENIZER_SAMPLE = 40_000  # conversations
ROW = 256  # tokens
UNBOUNDED = 1 << 40


def main() -> None:
    arguments = parse()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    tokenizer_json = arguments.work / "tokenizer.json"
    train_tokenizer(documents(arguments.seed, TOKENIZER_SAMPLE), tokenizer_json)
    rows, used = make_rows(load_tokenizer(tokenizer_json), arguments.seed, arguments.tokens)
    print(f"{used:,} conversations in {len(rows):,} rows", flush=True)
    settings = Training(tokens=arguments.tokens, seed=arguments.seed)
    model = train(Shape(), rows, settings, arguments.work / "checkpoint.pt")
    origin = {"seed": arguments.seed, "tokens": arguments.tokens, "conversations": used}
    export(model, tokenizer_json, arguments.out, origin)
    print(json.dumps(origin), "->", arguments.out)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling", description=__doc__)
    parser.add_argument("--tokens", type=lambda text: int(float(text)), default=12_500_000, help="default: 12.5e6")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=Path, default=Path("build/fledgling"), help="tokenizer and checkpoints")
    parser.add_argument("--out", type=Path, default=Path("src/magpie/models/fledgling"), help="replaced whole")
    return parser.parse_args()


def documents(seed: int, count: int = UNBOUNDED) -> Iterator[str]:
    return map(document, conversations(seed, count))


def make_rows(tokenizer: Tokenizer, seed: int, tokens: int) -> tuple[np.ndarray, int]:
    """Enough rows to see each once, and how many conversations they hold.

    Every row starts where a conversation starts, as a prompt does; the last conversation of a row is cut.
    """
    rows: list[list[int]] = []
    row: list[int] = []
    source, used = documents(seed), 0
    while len(rows) < tokens // ROW:
        for encoding in tokenizer.encode_batch(list(islice(source, 1000))):
            row += encoding.ids
            used += 1
            if len(row) > ROW:
                rows.append(row[: ROW + 1])
                row = []
    return np.array(rows, dtype=np.uint16), used


if __name__ == "__main__":
    main()
