"""Runs in a bucket of a real S3 server: the dataset is the one that a folder has, whatever the network does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

import magpie
from magpie.cli.app import app
from magpie.errors import RunError, StorageError, UserError
from magpie.runs import located
from magpie.runs.objects import outbox, store
from magpie.runs.objects.work import mirror_at
from tests.objects.buckets import KEY, SECRET, Bucket

pytestmark = pytest.mark.objects

RECIPE = """
name: air
size: 60
shard_rows: 16
seed: 11
engine: {name: scripted, window: 16, seconds: 0.01, fail_rate: 0.05}
instruct: {first_token_bans: [What]}
dedup: {}
"""
Machine = Callable[[str], Path]


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "air.yaml"
    path.write_text(RECIPE)
    return str(path)


@pytest.fixture
def local(recipe: str, tmp_path: Path) -> pa.Table:
    """What the recipe comes to in a folder."""
    return magpie.run(recipe, out=tmp_path / "local").table()


def objects(url: str) -> dict[str, bytes]:
    """Everything that the bucket has of a run."""
    mirror = mirror_at(located(url))
    assert mirror is not None
    found = {each.name: mirror.store.get(each.name) for each in mirror.store.list()}
    return {name: stored.data for name, stored in found.items() if stored is not None}


def test_a_run_in_a_bucket_is_the_run_in_a_folder(
    bucket: Bucket, url: str, recipe: str, local: pa.Table, machine: Machine
) -> None:
    assert magpie.run(recipe, out=url).table().equals(local)
    names = set(objects(url))
    assert {"run.json", "recipe.yaml", "leases/writer"} <= names
    assert {name for name in names if name.startswith(("workers/", "leases/"))} == {"leases/writer"}
    machine("two")
    assert magpie.open_run(url).table().equals(local)


def test_every_command_takes_an_address_and_names_the_run_by_it(
    bucket: Bucket, url: str, recipe: str, local: pa.Table, machine: Machine, tmp_path: Path
) -> None:
    cache = machine("two")
    invoke = CliRunner().invoke
    made = invoke(app, ["run", "--recipe", recipe, "--out", url])
    assert made.exit_code == 0, made.output
    outputs = [made.output]
    file = tmp_path / "air.jsonl"
    for words in (
        ["status", url],
        ["status", url, "--json"],
        ["show", url, "-n", "2"],
        ["verify", url],
        ["prune", url],
        ["select", url, "--with", "row < 20", "--json"],
        ["export", url, "--to", str(file)],
        ["report", url, "--to", str(tmp_path / "air.html")],
        ["run", "--out", url, "--size", "70"],
    ):
        done = invoke(app, words)
        assert done.exit_code == 0, (words, done.output)
        outputs.append(done.output)
    assert file.read_text().count("\n") == sum(row < 20 for row in local.filter(kept(local)).column("row").to_pylist())
    assert all(str(cache) not in output for output in outputs)
    assert sum(url in output for output in outputs) >= 4
    assert not any(SECRET in output or KEY in output for output in outputs)
    machine("three")
    assert magpie.open_run(url).size == 70


def kept(table: pa.Table) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.and_(pc.is_null(table.column("drop_reason")), pc.is_null(table.column("error")))


def test_an_import_goes_to_a_bucket_and_a_run_in_one_is_an_input(
    bucket: Bucket, url: str, tmp_path: Path, machine: Machine
) -> None:
    (tmp_path / "theirs.jsonl").write_text('{"instruction": "Add 1 and 2.", "output": "3"}\n' * 5)
    invoke = CliRunner().invoke
    assert invoke(app, ["import", str(tmp_path / "theirs.jsonl"), "--to", url]).exit_code == 0
    machine("two")
    again = invoke(app, ["import", url, "--to", str(tmp_path / "again"), "--json"])
    assert again.exit_code == 0, again.output
    assert magpie.open_run(tmp_path / "again").size == 5


def test_what_is_pruned_is_gone_from_the_bucket(bucket: Bucket, url: str, recipe: str, local: pa.Table) -> None:
    magpie.run(recipe, out=url)
    magpie.run(None, out=url, settings=("instruct.sampling.temperature=0.5",))
    before = {name.partition("/")[0] for name in objects(url)}
    assert CliRunner().invoke(app, ["prune", url, "--remove"]).exit_code == 0
    after = {name.partition("/")[0] for name in objects(url)}
    assert after < before
    assert CliRunner().invoke(app, ["verify", url]).exit_code == 0


def test_busy_slow_torn_and_lost_requests_change_nothing(
    bucket: Bucket, url: str, recipe: str, local: pa.Table, machine: Machine
) -> None:
    weather = bucket.weather
    weather.busy, weather.slow, weather.torn, weather.lost = 0.1, 0.05, 0.1, 0.1
    assert magpie.run(recipe, out=url).table().equals(local)
    machine("two")
    assert magpie.open_run(url).table().equals(local)
    assert all(weather.faults[fault] > 2 for fault in ("busy", "torn", "lost")), weather.faults
    weather.busy = weather.slow = weather.torn = weather.lost = 0.0
    assert CliRunner().invoke(app, ["verify", url]).exit_code == 0


def test_lines_that_were_sent_survive_a_lost_machine_and_later_ones_do_not(
    bucket: Bucket, url: str, recipe: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from magpie.runs.journal import Journal, read_lines
    from magpie.runs.objects.work import send_all, working

    monkeypatch.setattr(outbox, "SEND_SECONDS", 1000.0)
    magpie.run(recipe, out=url)
    folder = located(url)
    stage = next(path for path in folder.iterdir() if path.name.startswith("1-instruct"))
    path = stage / "00099.node-0123456789ab.part"
    with working(folder):
        journal = Journal(path)
        journal.append([{"row": row} for row in range(3)])
        send_all(folder)
        journal.append([{"row": 3}])
        machine("two")
        there = located(url) / path.relative_to(folder)
        assert [line["row"] for line in read_lines(there)] == [0, 1, 2]
        journal.append([{"row": 4}])
        send_all(folder)
        located(url)
        assert [line["row"] for line in read_lines(there)] == [0, 1, 2, 3, 4]
        journal.replace([{"row": 9}])
        send_all(folder)
        located(url)
        assert [line["row"] for line in read_lines(there)] == [9]
        journal.replace([])
        send_all(folder)
        located(url)
        assert not there.exists()


def test_a_bucket_that_goes_away_keeps_the_rest_here_and_the_same_command_sends_it(
    bucket: Bucket,
    url: str,
    recipe: str,
    local: pa.Table,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PATIENCE", "LAST_PATIENCE"):
        monkeypatch.setattr(outbox, name, 1.0)
    monkeypatch.setattr(store, "RETRY_SECONDS", 0.5)
    cache = machine("one")
    put = outbox.Outbox._send

    def leave(self: outbox.Outbox, task: outbox._Put) -> None:
        if task.name.endswith("00002.parquet"):
            bucket.weather.down = True
        put(self, task)

    monkeypatch.setattr(outbox.Outbox, "_send", leave)
    with pytest.raises(StorageError, match="are kept in") as caught:
        magpie.run(recipe, out=url)
    assert str(cache) in str(caught.value)
    assert "SlowDown" in str(caught.value)
    monkeypatch.setattr(outbox.Outbox, "_send", put)
    bucket.weather.down = False
    assert magpie.run(recipe, out=url).table().equals(local)
    machine("two")
    assert magpie.open_run(url).table().equals(local)


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "ExpiredToken"])
def test_credentials_that_are_refused_are_one_line_without_them(
    bucket: Bucket, url: str, recipe: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.weather.refused = code
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StorageError, match=f"credentials.*{code}") as caught:
        magpie.run(recipe, out=url)
    assert len(str(caught.value).splitlines()) == 1
    assert SECRET not in str(caught.value) + caplog.text
    assert KEY not in str(caught.value) + caplog.text


def test_a_bucket_that_is_not_there_is_one_line(bucket: Bucket, recipe: str) -> None:
    with pytest.raises(StorageError, match="no such bucket"):
        magpie.run(recipe, out="s3://another-bucket/air")
    with pytest.raises(StorageError, match="no such bucket"):
        magpie.open_run("s3://another-bucket/air")


def test_a_run_that_is_not_there_is_one_line(bucket: Bucket, url: str) -> None:
    done = CliRunner().invoke(app, ["status", url])
    assert isinstance(done.exception, UserError)
    with pytest.raises(RunError, match="there is nothing here"):
        magpie.open_run(url)


def test_a_server_that_heeds_no_conditions_is_refused_and_nothing_is_written(
    bucket: Bucket, url: str, recipe: str
) -> None:
    bucket.weather.unconditional = True
    with pytest.raises(StorageError, match="does not heed conditional puts"):
        magpie.run(recipe, out=url)
    assert objects(url) == {}


def test_without_the_library_the_command_that_installs_it_is_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("one")
    monkeypatch.setattr(store, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"obstore, which is not installed.*objects"):
        magpie.open_run("s3://bucket/air")


def test_a_damaged_object_is_found(bucket: Bucket, url: str, recipe: str, machine: Machine) -> None:
    magpie.run(recipe, out=url)
    mirror = mirror_at(located(url))
    assert mirror is not None
    name = next(name for name in objects(url) if name.endswith("00001.parquet"))
    found = mirror.store.get(name)
    assert found is not None
    mirror.store.put(name, found.data[:-100] + b"x" + found.data[-99:])
    machine("two")
    done = CliRunner().invoke(app, ["verify", url])
    assert done.exit_code == 1
    assert name in done.output


def test_what_is_known_of_a_bucket_may_be_lost_with_nothing_else(
    bucket: Bucket, url: str, recipe: str, local: pa.Table, machine: Machine
) -> None:
    cache = machine("one")
    magpie.run(recipe, out=url)
    for file in cache.rglob("manifest.sqlite*"):
        file.write_bytes(b"no database" * 100)
    machine("one")
    assert magpie.run(recipe, out=url).table().equals(local)
    assert CliRunner().invoke(app, ["verify", url]).exit_code == 0


def test_a_recipe_that_is_edited_in_the_bucket_is_the_one_that_counts(
    bucket: Bucket, url: str, recipe: str, machine: Machine
) -> None:
    magpie.run(recipe, out=url)
    mirror = mirror_at(located(url))
    assert mirror is not None
    mirror.store.put("recipe.yaml", objects(url)["recipe.yaml"].replace(b"size: 60", b"size: 50"))
    assert magpie.run(None, out=url).size == 50


def test_a_reader_has_footers_of_large_files_until_it_reads_values(
    bucket: Bucket, url: str, recipe: str, local: pa.Table, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from magpie.runs.objects import mirror as mirrors

    monkeypatch.setattr(mirrors, "_LARGE", 0)
    monkeypatch.setattr(mirrors, "_FOOTER", 6000)
    magpie.run(recipe, out=url)
    machine("two")
    run = magpie.open_run(url)
    mirror = mirror_at(run.path)
    assert mirror is not None
    assert len(mirror.manifest.absent()) >= 8
    counts = [(each.stage, each.made) for each in run.counts()]
    assert run.kept() > 0
    assert len(mirror.manifest.absent()) >= 6
    run.sql("SELECT * FROM rows", shards={0})
    assert {name for name in mirror.manifest.absent() if name.endswith("00000.parquet")} == set()
    assert len(mirror.manifest.absent()) >= 4
    assert run.table().equals(local)
    assert mirror.manifest.absent() == set()
    machine("three")
    assert CliRunner().invoke(app, ["verify", url]).exit_code == 0
    machine("four")
    grown = magpie.run(None, out=url, size=70)
    assert [(each.stage, each.made) for each in grown.counts()] != counts
    machine("five")
    assert magpie.open_run(url).table().equals(grown.table())
