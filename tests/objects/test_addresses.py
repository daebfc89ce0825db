"""Addresses of runs in buckets, and which names of objects become paths. Needs no server and no library."""

from __future__ import annotations

from pathlib import Path

import pytest

from magpie.errors import RunError
from magpie.runs.objects.addresses import address_of, cache_of
from magpie.runs.objects.layout import is_journal, is_whole, segment_of
from magpie.runs.objects.work import located

OWNER = "node-7-3f2a91c04b77"


@pytest.mark.parametrize(
    ("given", "url", "name"),
    [
        ("s3://bucket/runs/air", "s3://bucket/runs/air", "air"),
        (Path("s3://bucket/runs/air"), "s3://bucket/runs/air", "air"),
        ("S3A://bucket/air/", "s3://bucket/air", "air"),
        ("gs://bucket/air", "gs://bucket/air", "air"),
        ("az://container/air", "az://container/air", "air"),
        ("s3://bucket", "s3://bucket", "bucket"),
    ],
)
def test_an_address_is_known_by_its_scheme(given: str | Path, url: str, name: str) -> None:
    address = address_of(given)
    assert address is not None
    assert (address.url, address.name) == (url, name)


@pytest.mark.parametrize("given", ["runs/air", "/runs/s3", "s3", "./gs:/x", "C:/runs", "file://x", "~/runs"])
def test_a_path_is_no_address(given: str) -> None:
    assert address_of(given) is None


@pytest.mark.parametrize(
    "given", ["s3://bucket/../air", "s3://bucket//air", "s3://b/-x", "gs://bucket/a?b", "az://c/a\x1b[2J", "s3://"]
)
def test_an_address_that_no_run_can_have_is_refused(given: str) -> None:
    if given == "s3://":
        assert address_of(given) is None
        return
    with pytest.raises(RunError, match="expected") as caught:
        address_of(given)
    assert "\x1b" not in str(caught.value)


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(RunError, match="credentials in the address") as caught:
        address_of("s3://AKIAKEY:verysecret@bucket/air")
    assert "verysecret" not in str(caught.value)


def test_the_hub_is_read_only_and_says_how_it_is_read() -> None:
    with pytest.raises(RunError, match=r"hf://datasets/a/b: no run lies on the Hub.*magpie import"):
        address_of("hf://datasets/a/b")


def test_two_endpoints_have_two_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    address = address_of("s3://bucket/air")
    assert address is not None
    folders = set()
    for endpoint in ("http://one", "http://two"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        folders.add(cache_of(address))
    assert len(folders) == 2
    assert all(folder.is_relative_to(tmp_path.resolve() / "magpie" / "objects") for folder in folders)


def test_a_path_is_where_it_was(tmp_path: Path) -> None:
    assert located(tmp_path / "air") == tmp_path / "air"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "1-instruct-9b7acbc2/../../x.parquet",
        "/etc/cron.d/x",
        "1-instruct-9b7acbc2/00000.parquet/x",
        "1-instruct-9b7acbc2/00000.parquet\n",
        "workers/../run.json",
        "lock",
        "leases/writer",
    ],
)
def test_a_strange_name_of_an_object_becomes_no_path(name: str) -> None:
    assert not is_whole(name)
    assert not is_journal(name)
    assert segment_of(name) is None


def test_files_of_a_run_are_objects_of_the_same_names_and_journals_are_segments() -> None:
    for name in ("run.json", "1-instruct-9b7acbc2/00000.sum", f"workers/{OWNER}.json", "timeline.parquet"):
        assert is_whole(name)
    journal = f"1-instruct-9b7acbc2/00000.{OWNER}.part"
    assert is_journal(journal)
    assert segment_of(f"{journal}/000012") == (journal, 12)
