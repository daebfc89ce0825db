"""`python -m fledgling.guard`: trains the guard that ships inside magpie, and exports it.

The chat model learns to say the verdict on a conversation (`guarded`); the loss is on the verdict alone.
"""

import argparse
import os
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import torch

from fledgling.chat import END
from fledgling.finetune import FineTuning, finetune
from fledgling.guarded import CHAT_TEMPLATE, asked, cases, verdict
from fledgling.quantized import export_chat
from fledgling.rows import make_rows
from fledgling.sample import load_model
from fledgling.tokenizer import load_tokenizer

NAME = "fledgling-guard"
MODELS = Path("src/magpie/weights")
SETTINGS = FineTuning(steps=160, rate=1e-3)
CASES = 2400


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fledgling.guard", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help=f"conversations; default: {CASES}")
    parser.add_argument("--steps", type=int, default=SETTINGS.steps, help=f"default: {SETTINGS.steps}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=Path, default=Path("build/fledgling/guard"), help="for the checkpoint")
    parser.add_argument("--out", type=Path, default=MODELS, help="holds a folder for each model")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    settings = FineTuning(arguments.steps, SETTINGS.rate, seed=arguments.seed)
    tokenizer_json = MODELS / "fledgling" / "tokenizer.json"
    learned = islice((one for one in cases(arguments.seed) if not one.is_held_out), arguments.cases)
    texts = ([(asked(one), 0), (verdict(one) + f"{END}\n", 1)] for one in learned)
    rows, _ = make_rows(load_tokenizer(tokenizer_json), texts, 1 << 40)
    print(f"{arguments.cases:,} conversations in {len(rows):,} rows", flush=True)
    model = load_model(MODELS / "fledgling")
    finetune(model, rows, settings, arguments.work / "checkpoint.pt")
    export_chat(model, tokenizer_json, arguments.out / NAME, CHAT_TEMPLATE)


if __name__ == "__main__":
    main()
