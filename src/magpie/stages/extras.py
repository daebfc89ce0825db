"""Whether what the curation stages need is installed: said while planning, before a row is paid for."""

from __future__ import annotations

from importlib.util import find_spec

from magpie.errors import MissingExtra


def check_curation(setting: str, **libraries: str) -> None:
    """libraries: module to the name that people know it by. Loads none. Raises `MissingExtra`."""
    if lacking := [name for module, name in libraries.items() if find_spec(module) is None]:
        raise MissingExtra(
            f"{setting} needs {' and '.join(lacking)}, which is not installed: pip install 'magpie[curation]', or set "
            f"{setting} to null"
        )
