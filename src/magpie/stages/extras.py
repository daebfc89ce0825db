"""Whether what the curation stages need is installed: said while planning, before a row is paid for."""

from __future__ import annotations

from importlib.util import find_spec

from magpie.errors import MissingExtra
from magpie.install import install_hint


def check_curation(setting: str, **libraries: str) -> None:
    """libraries: module to the name that people know it by. Loads none. Raises `MissingExtra`."""
    if lacking := [name for module, name in libraries.items() if find_spec(module) is None]:
        raise MissingExtra(
            f"{setting} needs {' and '.join(lacking)}, which is not installed; set {setting} to null, or install it: "
            f"{install_hint('curation')}"
        )
