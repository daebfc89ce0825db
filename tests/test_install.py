"""How a copy of magpie was installed, and the commands that add to it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from magpie import install
from magpie.install import DISTRIBUTION, install_hint, install_hint_for, magpie_version, requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}, **more}


@pytest.mark.parametrize(
    ("direct_url", "expected"),
    [
        (None, "magpie-synth[vllm]"),
        (git("https://example.com/m/magpie.git"), f"magpie-synth[vllm] @ git+https://example.com/m/magpie.git@{COMMIT}"),
        (
            git("https://example.com/mono.git", subdirectory="py"),
            f"magpie-synth[vllm] @ git+https://example.com/mono.git@{COMMIT}#subdirectory=py",
        ),
        (git("https://me:secret@example.com/m.git"), f"magpie-synth[vllm] @ git+https://example.com/m.git@{COMMIT}"),
        (git("https://secret@example.com:8443/m.git"), f"magpie-synth[vllm] @ git+https://example.com:8443/m.git@{COMMIT}"),
        (git("ssh://git@example.com/m.git"), f"magpie-synth[vllm] @ git+ssh://git@example.com/m.git@{COMMIT}"),
        (git("ssh://git:secret@example.com/m.git"), f"magpie-synth[vllm] @ git+ssh://example.com/m.git@{COMMIT}"),
        (
            {"url": "https://example.com/magpie_synth-0.1.0-py3-none-any.whl", "archive_info": {}},
            "magpie-synth[vllm] @ https://example.com/magpie_synth-0.1.0-py3-none-any.whl",
        ),
        ({"url": "https://example.com/m.whl?token=secret", "archive_info": {}}, "magpie-synth[vllm]"),
        ({"url": "file:///gone/m.whl", "archive_info": {}}, "magpie-synth[vllm]"),
        ({"url": "file:///gone/magpie", "dir_info": {}}, "magpie-synth[vllm]"),
        ({"url": "secret@example.com:m.git", "vcs_info": {}}, "magpie-synth[vllm]"),
        ({"url": 5}, "magpie-synth[vllm]"),
        ([], "magpie-synth[vllm]"),
        ({"url": "https://[", "archive_info": {}}, "magpie-synth[vllm]"),
        ({"url": "https://example.com/m.git", "vcs_info": {"vcs": "git"}}, "magpie-synth[vllm]"),
    ],
)  # fmt: skip
def test_a_requirement_names_where_this_copy_came_from_and_no_secret(direct_url: Any, expected: str) -> None:
    assert requirement(("vllm",), direct_url=direct_url) == [expected]
    assert "secret" not in expected


@pytest.mark.parametrize("editable", [True, False])
def test_a_copy_installed_from_a_folder_is_extended_from_that_folder(tmp_path: Path, editable: bool) -> None:
    folder = tmp_path / "my magpie"
    folder.mkdir()
    direct_url = {"url": folder.as_uri(), "dir_info": {"editable": True} if editable else {}}
    expected = [*(["-e"] if editable else []), f"{folder}[curation,embed]"]
    assert requirement(("curation", "embed"), direct_url=direct_url) == expected


def test_a_wheel_on_this_disk_is_named_while_it_is_there(tmp_path: Path) -> None:
    wheel = tmp_path / "magpie_synth-0.1.0-py3-none-any.whl"
    wheel.touch()
    direct_url = {"url": wheel.as_uri(), "archive_info": {}}
    assert requirement(("vllm",), direct_url=direct_url) == [f"magpie-synth[vllm] @ {wheel.as_uri()}"]


def test_a_checkout_that_is_imported_from_where_it_lies_is_named_whatever_is_installed() -> None:
    assert shlex.split(install_hint("curation")) == [
        sys.executable, "-m", "pip", "install", "-e", f"{ROOT}[curation]"
    ]  # fmt: skip
    assert magpie_version() == PROJECT["version"]


def test_an_environment_without_pip_gets_a_command_of_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert shlex.split(install_hint_for("datasets")) == ["uv", "pip", "install", "--python", sys.executable, "datasets"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert shlex.split(install_hint_for("datasets")) == [sys.executable, "-m", "pip", "install", "datasets"]


def test_a_path_that_a_shell_would_take_apart_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my python/bin/python")
    assert install_hint_for("a>1", "b").endswith("'/opt/my python/bin/python' -m pip install 'a>1' b")


def installed(site: Path, direct_url: Any, name: str = "magpie_synth") -> str:
    """What an installed copy says of itself: its version, and a hint."""
    package = site / "magpie"
    package.mkdir()
    for path in ("__init__.py", "api.py", "errors.py", "install.py"):
        shutil.copy(ROOT / "src" / "magpie" / path, package / path)
    shutil.copytree(ROOT / "src" / "magpie" / "safe", package / "safe", ignore=shutil.ignore_patterns("__pycache__"))
    info = site / f"{name}-9.8.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 9.8.7\n")
    if direct_url is not None:
        (info / "direct_url.json").write_text(direct_url if isinstance(direct_url, str) else json.dumps(direct_url))
    code = "from magpie.install import *; print(magpie_version(), install_hint('vllm'))"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-S", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=site).stdout.strip()


@pytest.mark.parametrize(
    ("direct_url", "ending"),
    [
        (git("https://example.com/m.git"), f"'magpie-synth[vllm] @ git+https://example.com/m.git@{COMMIT}'"),
        ({"url": ROOT.as_uri(), "dir_info": {"editable": False}}, shlex.quote(f"{ROOT}[vllm]")),
        (None, "'magpie-synth[vllm]'"),
        ("not JSON", "'magpie-synth[vllm]'"),
    ],
)
def test_an_installed_copy_reads_its_own_metadata(tmp_path: Path, direct_url: Any, ending: str) -> None:
    version, _, hint = installed(tmp_path, direct_url).partition(" ")
    assert (version, hint.endswith(f" install {ending}")) == ("9.8.7", True), hint


def test_the_other_project_named_magpie_is_not_taken_for_this_one(tmp_path: Path) -> None:
    version, _, hint = installed(tmp_path, None, name="magpie").partition(" ")
    assert (version, hint.endswith("'magpie-synth[vllm]'")) == ("unknown", True)


# -- the name, everywhere ---------------------------------------------------------------------------------------------


def test_the_distribution_is_not_called_like_the_other_project() -> None:
    assert PROJECT["name"] == DISTRIBUTION == "magpie-synth"
    assert list(PROJECT["scripts"]) == ["magpie"]


def test_nothing_tells_anyone_to_install_the_other_project() -> None:
    wrong = re.compile(
        r"(?<![/\w])magpie\[|\binstall (-\S+ )*['\"]?magpie(?![-\w/])|(distribution|version)\(['\"]magpie['\"]\)"
    )
    folders = ("src", "docs", "bench", "fledgling", "scripts", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = [*files, *ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]
    endings = ("", ".py", ".md", ".yaml", ".jinja", ".sh", ".toml", ".sql", ".txt")
    readable = [path for path in texts if path.suffix in endings]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in readable
        if path != Path(__file__) and "fixtures" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if wrong.search(line)
    ]
    assert not found


def test_every_hint_in_the_source_is_written_by_one_function() -> None:
    source = ROOT / "src" / "magpie"
    wrong = re.compile(r"\b(uv )?pip3? install\b")
    files = [path for ending in ("py", "yaml", "jinja") for path in source.rglob(f"*.{ending}")]
    hints = [path for path in files if wrong.search(path.read_text(encoding="utf-8"))]
    assert hints == [source / "install.py"]


def test_every_extra_that_a_hint_names_is_there() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src" / "magpie").rglob("*.py") if path.name != "install.py")
    named = set(re.findall(r"install_hint\(['\"](\w+)['\"]\)", source))
    assert {"curation", "embed", "transformers", "openvino", "vllm"} <= named
    assert named <= set(PROJECT["optional-dependencies"])
