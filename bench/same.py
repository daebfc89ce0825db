"""How often llama.cpp gives the same text to the same seed, whatever else is in flight.

    python -m bench.same [--requests 300]

The instructions and the greedy responses of a small run are asked again: in another order, with fewer slots, and one at
a time. Prints the share of texts that are the same as at first, for each.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence

from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.modelfiles.locate import find_model
from magpie.plan.load import parse
from magpie.plan.plan import Plan, make_plan
from magpie.runner import Talk, converse
from magpie.seams import Asking, Completion, Message, Request, SamplingParams, derive_seed
from magpie.settings.engines import LlamaCpp as LlamaCppSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300)
    options = parser.parse_args()
    plan = make_plan(parse("name: same", "bench"))
    sampled = [instruction(plan, row) for row in range(options.requests)]
    greedy = [response(plan, text) for text in texts(sampled)]
    shuffled = random.Random(0).sample(range(options.requests), options.requests)
    print(f"{'':22}{'sampled':>10}{'greedy':>10}")
    for name, order, window in (
        ("in another order", shuffled, 32),
        ("8 at once for 32", range(options.requests), 8),
        ("one at a time", range(options.requests), 1),
    ):
        shares = [share(requests, order, window) for requests in (sampled, greedy)]
        print(f"{name:22}{shares[0]:10.1%}{shares[1]:10.1%}")


def instruction(plan: Plan, row: int) -> Request:
    sampling = SamplingParams(max_tokens=128, stop_token_ids=plan.chat.stop_token_ids)
    return Request(plan.chat.next_user(()), sampling, seed=derive_seed(0, "same", row, 0))


def response(plan: Plan, text: str) -> Request:
    sampling = SamplingParams(temperature=0.0, max_tokens=128, stop_token_ids=plan.chat.response_stop_token_ids)
    return Request(plan.chat.next_assistant((Message("user", text),)), sampling)


def share(requests: Sequence[Request], order: Sequence[int], window: int) -> float:
    """The share of texts that come out as they do in order, 32 at once."""
    first, second = texts(requests), texts([requests[place] for place in order], window)
    return sum(first[place] == text for place, text in zip(order, second, strict=True)) / len(requests)


def texts(requests: Sequence[Request], window: int = 32) -> list[str]:
    """What the engine writes to each request, in the order of the requests."""
    written: dict[int, str] = {}

    def ask(row: int) -> Asking:
        completion: Completion = yield requests[row]
        written[row] = completion.text
        return {}

    with open_llamacpp(find_model("fledgling"), LlamaCppSettings(slots=window)) as engine:
        talks = (Talk(row, ask(row)) for row in range(len(requests)))
        for _ in converse(talks, {"model": engine}, lambda row, _: requests[row].seed):
            pass
    return [written[row] for row in range(len(requests))]


if __name__ == "__main__":
    main()
