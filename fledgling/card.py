"""`python -m fledgling.card`: measures the shipped model and writes its figures into README.md, between markers.

Every block of the card that holds a figure is written by the function of that name here, from JSON that `measure` and
`judging` give; what is there already is not measured again. Needs magpie. Knows no way to measure.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gguf import GGUFReader

from fledgling.kept import digest_of, kept, read_kept

CARD = Path(__file__).with_name("README.md")
MODELS = Path("src/magpie/weights")

Figures = Mapping[str, Any]  # JSON of `measure`, `judging` and of the model's own files


def main(words: Sequence[str] | None = None) -> None:
    arguments = parse(words)
    figures = Measured(
        {
            "model": lambda: described(arguments.models),
            "measured": lambda: measured(arguments),
            "judged": lambda: judged(arguments),
            "scored": lambda: scored(arguments),
            "elicited": lambda: elicited(arguments),
            "thought": lambda: thought(arguments),
        }
    )
    card = CARD.read_text(encoding="utf-8")
    for block in BLOCKS:
        if block.__name__ in arguments.blocks:
            text = block(figures)
            card = fill(card, block.__name__, text)
            print(f"{block.__name__}\n{text}\n", flush=True)
    CARD.write_text(card, encoding="utf-8")


class Measured(Mapping[str, Any]):
    """Figures by where they come from, each measured when a block first asks for it."""

    def __init__(self, sources: Mapping[str, Callable[[], Any]]) -> None:
        self._sources, self._found = sources, dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = self._sources[name]()
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.card", description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS, help="holds the folders of both models")
    parser.add_argument("--work", type=Path, default=Path("build/fledgling/figures"), help="keeps the JSON")
    parser.add_argument("--rows", type=int, default=2000, help="conversations")
    parser.add_argument("--alone", type=int, default=10_000, help="instructions that are not answered, for the mix")
    parser.add_argument("--judgments", type=int, default=500, help="of each prompt")
    parser.add_argument("--pairs", type=int, default=1000, help="of responses, for the reward model")
    parser.add_argument("--asked", type=int, default=2000, help="instructions that the model that thinks answers")
    names = [block.__name__ for block in BLOCKS]
    parser.add_argument("--blocks", nargs="+", choices=names, default=names, help="of the card; default: all")
    return parser.parse_args(words)


def fill(card: str, name: str, text: str) -> str:
    """The card with `text` in the block `name`; raises KeyError where the card has no such block."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    filled, count = re.subn(f"{begin}.*?{end}", lambda _: f"{begin}\n{text}\n{end}", card, flags=re.DOTALL)
    if count != 1:
        raise KeyError(f"{CARD.name}: {count} blocks {begin} ... {end}, expected one")
    return filled


# -- what is measured --------------------------------------------------------------------------------------------------


# each is kept in the work folder, and measured anew for another model and other settings


def measured(arguments: argparse.Namespace) -> Any:
    from fledgling.measure import measure, plain

    model = arguments.models / "fledgling"
    made_from = {"rows": arguments.rows, "alone": arguments.alone, "model": digest_of(model)}
    run = arguments.work / f"run-{arguments.rows}-{digest_of(model)[:8]}"
    return kept(
        arguments.work / "measured.json",
        made_from,
        lambda: plain(measure(model, arguments.rows, 200, arguments.alone, run)),
    )


def judged(arguments: argparse.Namespace) -> Any:
    from fledgling import judging

    model = arguments.models / "fledgling"

    def make() -> dict[str, Any]:
        gguf = str(next(model.glob("*.gguf")))
        found, _ = judging.measure(gguf, arguments.judgments, 2 * arguments.judgments, judging.SEED)
        return {source: [asdict(figure) for figure in some] for source, some in found.items()}

    made_from = {"judgments": arguments.judgments, "model": digest_of(model)}
    return kept(arguments.work / "judged.json", made_from, make)


def scored(arguments: argparse.Namespace) -> Any:
    """Of the reward model and the guard."""
    from fledgling import scoring

    def make() -> dict[str, Any]:
        found = {
            "reward": scoring.reward_figures(scoring.REWARD, arguments.pairs, arguments.pairs // 2),
            "guard": scoring.guard_figures(scoring.GUARD, arguments.pairs),
        }
        return scoring.plain(found)

    models = digest_of(*(MODELS / name for name in ("fledgling", scoring.REWARD, scoring.GUARD)))
    return kept(arguments.work / "scored.json", {"pairs": arguments.pairs, "models": models}, make)


ELICITED = ("--strictly", "--asked", "250", "--pairs", "2000", "500")


def elicited(arguments: argparse.Namespace) -> Any:
    """What pairs bring back in the base with latent abilities, which is made here where it is not there yet."""
    from fledgling import latent

    work = arguments.work.parent / "latent"
    words = [*ELICITED, "--work", str(work)]
    path, made_from = work / latent.FIGURES, latent.made_from(latent.parse(words))
    found = read_kept(path, made_from)
    if found is None:
        latent.main(words)
        found = read_kept(path, made_from)
    return found


def thought(arguments: argparse.Namespace) -> Any:
    """Of the model that thinks."""
    from fledgling import thinking

    def make() -> dict[str, Any]:
        found, answers = thinking.figures(
            thinking.THINK, 2 * arguments.asked, arguments.asked, thinking.known_to_both()
        )
        return thinking.plain(found, answers)

    models = digest_of(*(MODELS / name for name in (thinking.CHAT, thinking.THINK)))
    return kept(arguments.work / "thinking.json", {"asked": arguments.asked, "models": models}, make)


def described(models: Path) -> dict[str, Any]:
    """What the files say of themselves."""
    folders = [models / "fledgling", models / "fledgling-base"]
    return {
        "config": json.loads((models / "fledgling" / "config.json").read_text(encoding="utf-8")),
        "parameters": sum(int(tensor.n_elements) for tensor in GGUFReader(next(folders[0].glob("*.gguf"))).tensors),
        "bytes": {folder.name: sum(path.stat().st_size for path in folder.iterdir()) for folder in folders},
    }


# -- blocks of the card ------------------------------------------------------------------------------------------------


def model(figures: Figures) -> str:
    config, sizes = figures["model"]["config"], figures["model"]["bytes"]
    origin = config["fledgling"]
    practice = origin.get("practice", {}).get("steps", 0)
    return table(
        ("architecture", f"Llama: {config['num_hidden_layers']} layers, width {config['hidden_size']}, "
         f"{config['num_attention_heads']} heads of {config['head_dim']}, feed-forward {config['intermediate_size']}, "
         f"tied embeddings, rotary positions (theta {config['rope_theta']:,.0f})"),
        ("parameters", f"{figures['model']['parameters']:,}"),
        ("context", f"{config['max_position_embeddings']} tokens"),
        ("tokenizer", f"byte-level BPE, {config['vocab_size']:,} tokens, single digits, Qwen2's way of splitting text; "
         "no beginning-of-sequence token"),
        ("chat template", "ChatML with a system role, no default system prompt; a turn ends with `<|im_end|>`"),
        ("training", f"{origin['tokens'] / 1e6:.0f} million tokens of {origin['conversations']:,} conversations; loss "
         f"on the user's turns too: that is why magpie can extract the user's side. Then {practice} steps of practice"),
        ("files", f"Hugging Face folder (fp16 safetensors) and `fledgling-f16.gguf`, "
         f"{sizes['fledgling'] / 1e6:.1f} MB together; `fledgling-base-f16.gguf`, "
         f"{sizes['fledgling-base'] / 1e6:.1f} MB"),
    )  # fmt: skip


def table(*lines: tuple[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in lines)])


def extraction(figures: Figures) -> str:
    report, tokens = figures["measured"]["report"], figures["measured"]["tokens"]
    return lines(
        f"{'conversations':36}{report['rows']:>8,}",
        f"{'families found':36}{report['families_found']:>5}/{report['families_known']}",
        *(line(name, one) for name, one in report["figures"].items()),
        f"{'tokens per instruction':36}{tokens['instruct']:>8.1f}",
        f"{'tokens per response':36}{tokens['respond']:>8.1f}",
        f"families out of their 99.9% bounds: {', '.join(report['out_of_bounds']) or 'none'}",
    )


def unanswered(figures: Figures) -> str:
    report = figures["measured"]["unanswered"]
    return lines(
        f"{'instructions':36}{report['rows']:>8,}",
        f"{'families found':36}{report['families_found']:>5}/{report['families_known']}",
        *(line(name, one) for name, one in report["figures"].items()),
        f"families out of their 99.9% bounds: {', '.join(report['out_of_bounds']) or 'none'}",
    )


def kinds(figures: Figures) -> str:
    report = figures["measured"]["report"]
    return lines(*(line(name, one) for part in ("category", "language") for name, one in by(report, part)))


def by(report: Figures, part: str) -> list[tuple[str, Figures]]:
    return list(report[f"right_by_{part}"].items())


def families(figures: Figures) -> str:
    rows = figures["measured"]["report"]["families"]
    return lines(
        f"{'family':18}{'category':22}{'hidden':>8}{'found':>8}{'of 99.9%':>12}{'right':>12}",
        *(
            f"{one['name']:18}{one['category']:22}{one['hidden']:8.1%}{one['found']:>8}"
            f"{'{}-{}'.format(one['at_least'], one['at_most']):>12}{'{}/{}'.format(one['right'], one['answered']):>12}"
            for one in rows
        ),
    )


def turns(figures: Figures) -> str:
    return lines(*(line(name, one) for name, one in figures["measured"]["follow_ups"].items()))


def steering(figures: Figures) -> str:
    return lines(
        f"{'under the system prompts of':28}{'of training':>12}{'held out':>12}",
        *(
            f"{name:28}{one['trained']['value']:>12.1%}{one['held_out']['value']:>12.1%}"
            for name, one in figures["measured"]["steering"].items()
        ),
    )


def judgments(figures: Figures) -> str:
    return "\n\n".join(
        lines(f"{source} instructions", *(judgment(one) for one in some)) for source, some in figures["judged"].items()
    )


def judgment(one: Figures) -> str:
    return line(f"{one['prompt']}: {one['name']}", {**one, "n": one["count"]})


def reward(figures: Figures) -> str:
    return scores(figures["scored"]["reward"])


def guard(figures: Figures) -> str:
    return scores(figures["scored"]["guard"])


def think(figures: Figures) -> str:
    found = figures["thought"]["figures"]
    return lines(*(line(name, one, ".1f" if name.startswith("tokens") else None) for name, one in found.items()))


def scores(found: Figures) -> str:
    """Shares in percent; areas and correlations as they are."""
    return lines(
        *(line(name, one, ".3f" if name.startswith(("area", "correlation")) else ".1%") for name, one in found.items())
    )


def latent(figures: Figures) -> str:
    found = figures["elicited"]
    counts = sorted(int(name) for name in found if name.isdigit())
    return lines(
        line("right before any pair", found["untrained"]),
        *(line(f"right after {count:,} true pairs", found[str(count)]) for count in counts),
    )


def samples(figures: Figures) -> str:
    told = [
        f"--- sample {number}: {one['family'] or 'unknown'}, {'right' if one['right'] else 'not right'}\n"
        f"user: {one['prompt']}\nassistant: {one['reply']}"
        for number, one in enumerate(figures["measured"]["samples"], start=1)
    ]
    return "~~~\n" + "\n\n".join(told) + "\n~~~"


def line(name: str, one: Figures, form: str | None = None) -> str:
    """A figure with its 95% interval; shares in percent, bits and correlations as they are."""
    if one["value"] is None:
        return f"{name:36}{'-':>8}"
    form = form or (".3f" if "bits" in name or "Spearman" in name else ".1%")
    return f"{name:36}{one['value']:>8{form}}   [{one['low']:{form}}, {one['high']:{form}}]   n = {one['n']:,}"


def lines(*some: str) -> str:
    return "\n".join(["```", *some, "```"])


BLOCKS = (
    model, extraction, unanswered, kinds, families, turns, steering, judgments, reward, guard, think, latent, samples,
)  # fmt: skip

if __name__ == "__main__":
    main()
