"""Seeds and request digests are the same in every process and differ where they should."""

import subprocess
import sys

import pytest

from magpie.seams import (
    Choice,
    JsonSchema,
    Message,
    Messages,
    Request,
    SamplingParams,
    Text,
    Tokens,
    derive_seed,
)


def test_a_seed_follows_from_run_stage_row_and_number_and_nothing_else() -> None:
    assert derive_seed(0, "instruct", 0, 0) == derive_seed(0, "instruct", 0, 0)
    near = [
        (0, "instruct", 0, 0),
        (1, "instruct", 0, 0),
        (0, "respond", 0, 0),
        (0, "instruct", 1, 0),
        (0, "instruct", 0, 1),
    ]
    assert len({derive_seed(*names) for names in near}) == len(near)


def test_seeds_are_63_bits_and_do_not_meet() -> None:
    seeds = {derive_seed(0, "instruct", row, 0) for row in range(20_000)}
    assert len(seeds) == 20_000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_request_s_digest_is_the_same_in_another_process_and_covers_every_field() -> None:
    request = Request(Tokens((1, 2)), SamplingParams(stop=("é",)), "model", 7)
    code = (
        "from magpie.seams import *; print(Request(Tokens((1, 2)), SamplingParams(stop=('é',)), 'model', 7).digest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == request.digest()
    changed = [
        Request(Tokens((1, 3)), request.sampling, "model", 7),
        Request(request.prompt, SamplingParams(), "model", 7),
        Request(request.prompt, request.sampling, "other", 7),
        request.with_seed(8),
    ]
    assert request.digest() not in {one.digest() for one in changed}


@pytest.mark.parametrize(
    ("request_", "digest"),
    [
        (
            Request(
                Tokens((1, 2, 300_000)),
                SamplingParams(temperature=0, stop=("é",), stop_token_ids=(7,)),
                "judge",
                2**62 + 1,
                (5, 6),
            ),
            "25ca92b4e1a27254836b8aa66",
        ),
        (
            Request(Text("naïve \ud800"), SamplingParams(), seed=7, structure=Choice(("a", "b")), logprobs=3),
            "2aa9f4c88030c5b8689e889c2",
        ),
        (
            Request(
                Messages((Message("system", "s"), Message("user", "東京"))),
                SamplingParams(top_p=1),
                structure=JsonSchema("{}"),
            ),
            "2778b250ce7d0e18f248f02df",
        ),
    ],
)
def test_a_request_s_digest_is_the_one_that_journals_of_earlier_magpies_hold(request_: Request, digest: str) -> None:
    assert request_.digest() == digest


def test_seeds_are_those_of_earlier_magpies() -> None:
    assert derive_seed(1, "instruct", 4711, 0) == 1059234173294399321
    assert derive_seed(-3, "tag@qwen", 0, 2) == 5018556207706336546
    assert derive_seed(2**40, "répondre", 10**12, 11) == 6826117950400970324


def test_a_request_with_another_seed_is_the_same_but_for_its_seed() -> None:
    request = Request(Text("a"), SamplingParams(0.5), "other", 3, (1,), Choice(("a",)), 2)
    assert request.with_seed(9) == Request(Text("a"), SamplingParams(0.5), "other", 9, (1,), Choice(("a",)), 2)
    assert request.seed == 3
