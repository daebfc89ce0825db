"""A run's rows as a DataFrame of pandas or polars, which are imported here and nowhere else."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pyarrow as pa

from magpie.errors import MissingExtra
from magpie.install import install_hint


def to_pandas(table: pa.Table) -> Any:
    """The table as a `pandas.DataFrame`. Raises `MissingExtra` where pandas is not installed."""
    _import("pandas", "to_pandas")
    return table.to_pandas()


def to_polars(table: pa.Table) -> Any:
    """The table as a `polars.DataFrame`. Raises `MissingExtra` where polars is not installed."""
    return _import("polars", "to_polars").from_arrow(table)


def _import(library: str, method: str) -> Any:
    try:
        return import_module(library)
    except ImportError as error:
        raise MissingExtra(f"Run.{method} needs {library} ({error}): {install_hint(library)}") from error
