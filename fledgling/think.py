"""`python -m fledgling.think`: trains the model that thinks before it answers, and exports it.

The shipped chat model writes instructions, of which those that a family has asked are kept (`own.json`), each family as
often as the hidden mix has it; so what it asks stays what it was. It then learns conversations that begin with them,
with thoughts and without (`thoughts`), in some hundred steps (`checkpoint.pt`). Both are kept in the work folder, and
made again only where the settings are others.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import torch
from tokenizers import Tokenizer

from fledgling.finetune import FineTuning, finetune
from fledgling.model import Fledgling
from fledgling.own import OWN, own_instructions
from fledgling.quantized import export_chat
from fledgling.rows import make_rows
from fledgling.sample import load_model
from fledgling.thoughts import CHAT_TEMPLATE, NO_THOUGHT, around, documents
from fledgling.tokenizer import load_tokenizer

NAME = "fledgling-think"
MODELS = Path("src/magpie/weights")
SETTINGS = FineTuning(steps=500, rate=3e-4)
LARGEST = 31  # of the whole numbers in the file: a Q8_0 that packs into a smaller wheel, and is as good


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    tokenizer_json = MODELS / "fledgling" / "tokenizer.json"
    own = own_instructions(arguments.work, arguments.own, arguments.seed)
    rows, _ = make_rows(load_tokenizer(tokenizer_json), documents(own, arguments.seed), 1 << 40)
    print(f"{len(own):,} instructions in {len(rows):,} rows", flush=True)
    settings = replace(SETTINGS, steps=arguments.steps, rate=arguments.rate, seed=arguments.seed)
    model = load_model(MODELS / "fledgling")
    learn_rows_of_marks(model, load_tokenizer(tokenizer_json))
    finetune(model, rows, settings, arguments.work / "checkpoint.pt")
    export_chat(model, tokenizer_json, arguments.out / NAME, CHAT_TEMPLATE, arguments.largest)


def learn_rows_of_marks(model: Fledgling, tokenizer: Tokenizer) -> None:
    """Keeps the embedding as it is but for the tokens that spell the marks, which no text of the corpus has.

    Adam moves the row of a rare token as far as that of a frequent one: when all were learned, names and cities came
    out misspelled. When none was, so did the marks: the row of `<` is that of another token that was never seen.
    """
    others = set(tokenizer.encode("A thought.\n").ids)
    spelled = sorted(set(tokenizer.encode(NO_THOUGHT + around("A thought.")).ids) - others)
    learned = torch.zeros(model.shape.vocabulary, 1)
    learned[spelled] = 1
    model.model.embed_tokens.weight.register_hook(lambda gradient: gradient * learned)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.think", description=__doc__)
    parser.add_argument("--own", type=int, default=OWN, help=f"instructions that the model writes; default: {OWN:,}")
    parser.add_argument("--steps", type=int, default=SETTINGS.steps, help=f"default: {SETTINGS.steps}")
    parser.add_argument("--rate", type=float, default=SETTINGS.rate, help=f"of learning; default: {SETTINGS.rate}")
    parser.add_argument("--largest", type=int, default=LARGEST, help=f"whole number in the file; default: {LARGEST}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=Path, default=Path("build/fledgling/think"), help="for what is kept")
    parser.add_argument("--out", type=Path, default=MODELS, help="holds a folder for each model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
