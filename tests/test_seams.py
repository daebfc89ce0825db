"""Seeds and request digests are the same in every process and differ where they should."""

import subprocess
import sys

from magpie.seams import Request, SamplingParams, Tokens, derive_seed


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
