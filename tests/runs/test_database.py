"""Every database that magpie opens is bounded in memory, and spills into a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from magpie.runs import database
from magpie.runs.database import BOUNDED, GENEROUS


@pytest.mark.parametrize("memory", [BOUNDED, GENEROUS])
def test_what_does_not_fit_goes_into_a_folder_that_goes_with_the_database(memory: str) -> None:
    with database(memory) as one, database(memory) as other:
        places = [Path(_setting(each, "temp_directory")) for each in (one, other)]
        assert len(set(places)) == 2
        assert all(place.is_dir() for place in places)
        assert _setting(one, "memory_limit") != _setting_of_duckdb("memory_limit")
    assert not any(place.exists() for place in places)


def test_what_is_larger_than_the_limit_is_grouped_all_the_same() -> None:
    texts = "SELECT repeat(chr(65 + (i % 26)::INT), 200) || i AS text FROM range(400000) AS r(i)"
    with database("64MB") as connection:
        connection.execute("SET threads = 1")
        (found,) = connection.execute(f"SELECT count(*) FROM (SELECT text FROM ({texts}) GROUP BY text)").fetchall()
    assert found == (400_000,)


def _setting(connection: object, name: str) -> str:
    (found,) = connection.execute(f"SELECT current_setting('{name}')").fetchone()  # type: ignore[attr-defined]
    return str(found)


def _setting_of_duckdb(name: str) -> str:
    import duckdb

    with duckdb.connect() as connection:
        return _setting(connection, name)
