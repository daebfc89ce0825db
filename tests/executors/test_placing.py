"""Who makes the rows of a session: the command line, then the user's own file, never the recipe; and what Ray has room
for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from magpie.errors import MissingExtra, UserError
from magpie.executors.placing import Placing, config_file, placing
from magpie.executors.ray import Room, import_ray, places


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config_file().parent.mkdir()
    return config_file()


def test_without_a_word_this_process_makes_the_rows(config: Path) -> None:
    assert placing() == Placing("local")


def test_the_command_line_wins_over_the_user_s_file(config: Path) -> None:
    config.write_text("executor: ray\nray_address: 10.0.0.1:6379\nworkers: 4\n")
    assert placing() == Placing("ray", "10.0.0.1:6379", 4)
    assert placing("ray", "10.0.0.2:6379") == Placing("ray", "10.0.0.2:6379", 4)
    assert placing("workers").executor == "workers"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("executor: slurm", "executor 'slurm': expected one of local, workers, ray"),
        ("executer: ray", "'executer' is no setting of it; expected executor, ray_address, workers"),
        ("- ray", "'no settings' is no setting of it"),
        ("executor: ray\nworkers: 0", "workers 0: expected a whole number, 1 or more"),
        ("executor: ray\nray_address: 7", "ray_address 7: expected HOST:PORT"),
    ],
)
def test_a_mistake_in_the_user_s_file_is_named(config: Path, text: str, message: str) -> None:
    config.write_text(text)
    with pytest.raises(UserError, match=message):
        placing()


def test_settings_of_ray_without_ray_are_refused(config: Path) -> None:
    with pytest.raises(UserError, match="expected --executor ray beside them"):
        placing(workers=3)


def test_an_engine_takes_a_place_wherever_its_gpus_fit_together() -> None:
    nodes = [{"GPU": 8.0, "CPU": 96.0}, {"GPU": 3.0}, {"CPU": 4.0}]
    assert places(nodes, Room(2, 0.5), None) == 5
    assert places(nodes, Room(2, 0.5), 3) == 3
    assert places(nodes, Room(0, 1.0), None) == 3
    assert places(nodes, Room(0, 1.0), 12) == 12


def test_gpus_that_are_not_there_are_named_before_anything_is_placed() -> None:
    with pytest.raises(UserError, match=r"takes 4 GPUs .* and the largest node of the Ray cluster has 2"):
        places([{"GPU": 2.0}, {"GPU": 2.0}], Room(4, 0.5), None)
    with pytest.raises(UserError, match="has no live node"):
        places([], Room(0, 1.0), None)


def test_without_ray_the_command_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"--executor ray needs Ray: .*\[ray\]"):
        import_ray()
