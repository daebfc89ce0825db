"""How this copy of magpie was installed: its version, and the commands that add to it what is missing.

The distribution is `magpie-synth`; `magpie` on PyPI is another project. So a hint names this copy: the checkout, the
repository and commit, the archive, or the distribution on the package index.
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import url2pathname

from magpie.safe.shell import command_line

DISTRIBUTION = "magpie-synth"
"""The name that pip installs; the import and the command are `magpie`."""


def magpie_version() -> str:
    """The version of this copy, also of a checkout that is not installed; `unknown` where nothing says it.

    >>> magpie_version()  # doctest: +SKIP
    '0.1.0'
    """
    if (project := _project()) is not None:
        return str(project[1].get("version", "unknown"))
    try:
        return distribution(DISTRIBUTION).version
    except PackageNotFoundError:
        return "unknown"


def install_hint(*extras: str) -> str:
    """The command that installs extras of this copy into the Python that runs it.

    >>> install_hint("curation")  # doctest: +SKIP
    "/home/me/magpie/.venv/bin/python -m pip install -e '/home/me/magpie[curation]'"
    """
    checkout = None if (project := _project()) is None else project[0]
    words = requirement(extras, checkout=checkout, direct_url=None if checkout else _direct_url())
    return command_line([*_installer(), *words])


def install_hint_for(*packages: str) -> str:
    """The command that installs other packages into the Python that runs this.

    >>> install_hint_for("huggingface_hub")  # doctest: +SKIP
    '/home/me/magpie/.venv/bin/python -m pip install huggingface_hub'
    """
    return command_line([*_installer(), *packages])


def requirement(extras: tuple[str, ...], *, checkout: Path | None = None, direct_url: Any = None) -> list[str]:
    """What to give pip: extras of a checkout that is imported from where it lies, else of the origin that
    `direct_url.json` (PEP 610) names, else of the distribution on the package index.

    >>> requirement(("vllm",))
    ['magpie-synth[vllm]']
    """
    listed = f"[{','.join(extras)}]"
    if checkout is not None:
        return ["-e", f"{checkout}{listed}"]
    try:
        return _from_origin(direct_url, listed) or [DISTRIBUTION + listed]
    except (AttributeError, KeyError, TypeError, ValueError):  # not as PEP 610 has it
        return [DISTRIBUTION + listed]


def _from_origin(direct_url: Any, extras: str) -> list[str] | None:
    """None where there is no origin, or none that can be named: it is gone, or its URL may hold a secret."""
    if direct_url is None:
        return None
    url = urlsplit(direct_url["url"])
    local = Path(url2pathname(url.path)) if url.scheme == "file" else None
    if "dir_info" in direct_url:
        if local is None or not local.is_dir():
            return None
        return [*(["-e"] if direct_url["dir_info"].get("editable") else []), f"{local}{extras}"]
    remote = bool(url.scheme and url.netloc)
    if url.query or not (remote if local is None else local.exists()):
        return None
    origin = _without_secrets(url)
    if "vcs_info" in direct_url:
        origin = f"{direct_url['vcs_info']['vcs']}+{origin}@{direct_url['vcs_info']['commit_id']}"
    if subdirectory := direct_url.get("subdirectory"):
        origin += f"#subdirectory={subdirectory}"
    return [f"{DISTRIBUTION}{extras} @ {origin}"]


def _without_secrets(url: SplitResult) -> str:
    """The URL without name and password; `git@` of an SSH address stays, for it is not a secret and needed."""
    user, _, host = url.netloc.rpartition("@")
    login = "git@" if user == "git" and url.scheme.endswith("ssh") else ""
    return urlunsplit((url.scheme, login + host, url.path, "", ""))


def _direct_url() -> Any:
    """`direct_url.json` of the installed distribution, as an installer wrote it; None where it wrote none."""
    try:
        text = distribution(DISTRIBUTION).read_text("direct_url.json")
        return None if text is None else json.loads(text)
    except (PackageNotFoundError, OSError, ValueError):
        return None


@cache
def _project() -> tuple[Path, dict[str, Any]] | None:
    """The checkout that this file lies in, with `[project]` of its pyproject.toml; None in an installed copy.

    What is imported counts: a checkout on PYTHONPATH may be another one than pip knows.
    """
    source = Path(__file__).absolute().parents[1]
    if source.name != "src":
        return None
    try:
        project = tomllib.loads((source.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return None
    return (source.parent, project) if project.get("name") == DISTRIBUTION else None


def _installer() -> list[str]:
    """pip of the running Python; uv, where that Python has no pip, as in an environment that uv made."""
    python = sys.executable or "python3"
    if find_spec("pip") is None and shutil.which("uv") is not None:
        return ["uv", "pip", "install", "--python", python]
    return [python, "-m", "pip", "install"]
