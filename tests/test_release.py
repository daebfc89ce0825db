"""What is released is whole: the sdist, the size of the wheel, the workflow that publishes, the container's file."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MOST_BYTES = 45_000_000


def test_the_sdist_has_everything_that_git_tracks() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = {line.split("/")[0] for line in listed.splitlines()}
    included = {name.lstrip("/") for name in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    assert tracked - included == {".gitignore", "pyproject.toml"}, "hatchling adds these two by itself"
    assert included <= tracked


def test_the_package_fits_into_a_wheel_of_45_megabytes() -> None:
    """Weights do not compress; `make dist` measures the wheel itself."""
    files = [path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files if path.suffix == ".gguf") < MOST_BYTES - 1_000_000
    assert f"{MOST_BYTES // 1_000_000} * 1000 * 1000" in (ROOT / "scripts" / "dist.sh").read_text()


def test_what_is_published_was_built_and_run_by_make_dist_and_no_token_is_stored() -> None:
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text()
    workflow = yaml.safe_load(text)
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert "make dist" in [step.get("run") for step in build["steps"]]
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert (workflow["permissions"], build["permissions"]) == ({}, {"contents": "read"})
    assert "secrets." not in text


def test_the_container_copies_what_is_there_and_installs_extras_that_exist() -> None:
    text = (ROOT / "Containerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split()[:-1]), line
    extras = {extra for each in re.findall(r"EXTRAS=([\w,]+)", text) for extra in each.split(",")}
    assert extras <= set(PROJECT["project"]["optional-dependencies"])
    versions = re.findall(r"^FROM \S+/python:3\.(\d+)-slim", text, re.MULTILINE)
    assert len(set(versions)) == 1
    assert int(versions[0]) >= int(PROJECT["project"]["requires-python"].removeprefix(">=3."))
    assert "USER magpie" in text
