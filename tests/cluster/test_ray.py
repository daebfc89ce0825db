"""Ray's actors make a run: the dataset of one process, also where a node is lost and where the driver dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.cli import main
from tests.executors.at_work import check_same, ended, finish, start, until

pytestmark = pytest.mark.ray
ray = pytest.importorskip("ray")

RECIPE = """
name: shared
size: 240
shard_rows: 64
seed: 11
engine: {name: scripted, window: 4, seconds: 0.2, fail_rate: 0.03}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes on this machine, each a raylet of its own; the head has no room for workers."""
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # what Ray's workers import
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        found.add_node(num_cpus=1)
    yield found
    found.shutdown()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "shared.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "shared.yaml").write_text(RECIPE)
    finish(start("run", "--recipe", folder / "shared.yaml", "--out", folder / "run"))
    return folder / "run"


def on_ray(recipe: Path, out: Path, address: str) -> tuple[object, ...]:
    return ("run", "--recipe", recipe, "--out", out, "--executor", "ray", "--ray-address", address, "--workers", 2)


def test_actors_make_the_dataset_of_one_process(cluster: Any, alone: Path, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    finish(start(*on_ray(recipe, out, cluster.address)), 180)
    check_same(out, alone)
    sessions = magpie.open_run(out).info["sessions"]
    assert {session["executor"] for session in sessions} == {"ray"}
    assert "ray" not in (out / "recipe.yaml").read_text()


def test_the_driver_dies_and_the_same_command_goes_on_with_a_node_that_is_lost(
    cluster: Any, alone: Path, recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    driver = start(*on_ray(recipe, out, cluster.address))
    with ended(driver):
        until(lambda: (out / "run.json").exists() and made(out) > 20, 120)
        driver.kill()
        driver.wait()
    before = made(out)
    assert before < 400
    again = start(*on_ray(recipe, out, cluster.address))
    with ended(again):
        until(lambda: made(out) > before + 20, 120)
        cluster.remove_node(sorted(cluster.worker_nodes, key=str)[0])
        finish(again, 180)
    cluster.add_node(num_cpus=1)
    check_same(out, alone, sessions=2)


def made(out: Path) -> int:
    """Rows that are sealed or in journals, of all stages."""
    return sum(counts.made + counts.failed for counts in magpie.open_run(out).counts())


def test_what_the_user_can_mend_is_said_in_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in on_ray(recipe, tmp_path / "run", "127.0.0.1:9")])
    told = capsys.readouterr().err
    assert (left.value.code, told.count("\n")) == (2, 1)
    assert "Ray: the head at 127.0.0.1:9 cannot be reached" in told


def test_a_folder_that_is_not_shared_is_refused(cluster: Any, recipe: Path, tmp_path: Path) -> None:
    before = "import magpie.executors.ray as ray\nray.TOKEN = 'elsewhere'"
    driver = start(*on_ray(recipe, tmp_path / "run", cluster.address), before=before)
    output, _ = driver.communicate(timeout=180)
    assert driver.returncode == 2, output
    assert "does not see this folder, or sees another one of that name" in output
