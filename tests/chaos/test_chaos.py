"""A server that misbehaves at random, asked by engines, judges, an embedder and a scorer at once.

`python -m bench.chaos` sends tens of thousands of requests.
"""

from __future__ import annotations

from pathlib import Path

from tests.chaos.running import chaotic_run


def test_every_row_of_a_misbehaving_server_is_made_or_has_its_error_and_no_other_host_gets_the_key(
    tmp_path: Path,
) -> None:
    watched, chaos = chaotic_run(tmp_path, rows=16, rate=0.3, sessions=1)
    assert watched.faults == []
    assert sum(chaos.did.values()) - chaos.did["well"] > 20, "the server behaved"
