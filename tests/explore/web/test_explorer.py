"""Filters count what the same conditions in SQL count, whatever the labels, the bounds and the texts are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")

from magpie.errors import UserError  # noqa: E402
from magpie.explore.web.explorer import Asked, AskedMap, AskedPlace, AskedRows, Explorer  # noqa: E402
from magpie.explore.web.index import open_index  # noqa: E402
from magpie.explore.web.reading import opened  # noqa: E402
from magpie.explore.web.selections import ids, selection  # noqa: E402
from magpie.runs import Run, open_run  # noqa: E402
from tests.explore.web.served import HOSTILE, command, explorer_of, judged_run  # noqa: E402
from tests.report.made import imported, made_run  # noqa: E402


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return judged_run(tmp_path_factory.mktemp("judged") / "air")


@pytest.fixture(scope="module")
def explorer(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return explorer_of([run])


def asked(*filters: dict[str, Any], kind: type[Asked] = Asked, **more: Any) -> Any:
    return kind.model_validate_json(json.dumps({"filters": filters, **more}))


def labels(field: str, *names: str | None) -> dict[str, Any]:
    return {"kind": "labels", "field": field, "labels": list(names)}


def between(field: str, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"kind": "range", "field": field, "low": low, "high": high}


def text(words: str, within: str = "both") -> dict[str, Any]:
    return {"kind": "text", "text": words, "within": within}


FILTERS: list[list[dict[str, Any]]] = [
    [labels("difficulty", "hard")],
    [labels("input_quality", "good", "excellent", None)],
    [labels("task_category", *HOSTILE[:3])],
    [labels("pii", "email")],
    [labels("pii", "")],
    [labels("is_repeat", "true")],
    [labels("is_repeat", "false", None)],
    [labels("dropped_by", "select", None)],
    [labels("drop_reason", "broken_text")],
    [between("instruct_reward", 0.25)],
    [between("instruct_reward", None, -0.1)],
    [between("instruct_reward", -0.3, 1 / 3)],
    [between("instruct_reward")],
    [between("repeat_count", 1, 3)],
    [between("instruction_characters", 20, 30.5)],
    [between("response_characters", 100, None), labels("difficulty", "easy")],
    [between("instruct_tokens", 15, 20)],
    [text("integral")],
    [text("InTeGrAl", "response")],
    [text("O'Brien", "instruction")],
    [text("100% o'brien's \\ TASK")],
    [text("<script>")],
    [text("%"), labels("difficulty", "hard"), between("instruct_reward", 1, 9)],
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_filter_counts_what_its_condition_counts(run: Run, explorer: Explorer, filters: list[dict[str, Any]]) -> None:
    found = selection(explorer, asked(*filters), command)
    where = " AND ".join(f"({condition})" for condition in found["where"])
    rows = run.sql(f"SELECT row FROM rows WHERE {where} ORDER BY row").column("row").to_pylist()
    told = b"".join(ids(explorer, asked(*filters), 0)).decode().split()
    assert found["matching"] == len(rows) > 0
    assert told == [f"air-{row:08d}" for row in rows]
    assert explorer.view(asked(*filters))["matching"] == len(rows)


def test_bars_of_a_field_leave_its_own_filter_out(run: Run, explorer: Explorer) -> None:
    """So that what else there would be can be seen, and chosen too."""
    counts = explorer.view(asked(labels("difficulty", "hard"), between("instruct_reward", 0.5, 2)))["counts"]
    others = run.sql(
        "SELECT difficulty AS d, count(*) AS n FROM rows WHERE instruct_reward BETWEEN 0.5 AND 1.99 GROUP BY 1"
    )
    names = explorer.known["difficulty"].labels
    shown = {name: count for name, count in zip((*names, None), counts["difficulty"][0], strict=True) if count}
    assert shown == {row["d"]: row["n"] for row in others.to_pylist()}
    where = "difficulty = 'hard' AND instruct_reward >= 0.5 AND instruct_reward < 2"
    query = f"SELECT input_quality AS q, count(*) AS n FROM rows WHERE {where} GROUP BY 1"
    names = explorer.known["input_quality"].labels
    shown = {name: count for name, count in zip((*names, None), counts["input_quality"][0], strict=True) if count}
    assert shown == {row["q"]: row["n"] for row in run.sql(query).to_pylist()}


@pytest.mark.parametrize(
    "name", ["instruct_reward", "instruction_characters", "response_characters", "instruct_tokens"]
)
def test_each_bar_of_a_number_counts_what_its_edges_say(run: Run, explorer: Explorer, name: str) -> None:
    field = explorer.known[name]
    bars = next(each for each in explorer.about()["fields"] if each["name"] == name)["totals"][0]
    edges = [None, *field.edges, None]
    assert bars[-1] == run.sql(f"SELECT count(*) AS n FROM rows WHERE {field.sql} IS NULL").to_pylist()[0]["n"]
    for code, count in enumerate(bars[:-1]):
        assert explorer.view(asked(between(name, edges[code], edges[code + 1])))["matching"] == count, code


def test_what_became_of_rows_is_what_the_run_says(run: Run, explorer: Explorer) -> None:
    found = next(each for each in explorer.about()["fields"] if each["name"] == "status")
    counts = dict(zip(found["labels"], found["totals"][0], strict=False))
    failed = run.sql("SELECT count(*) AS n FROM rows WHERE error IS NOT NULL AND drop_reason IS NULL").to_pylist()[0][
        "n"
    ]
    assert counts["kept"] == run.kept()
    assert counts["failed"] == failed
    assert sum(counts.values()) == len(explorer.rows)


def test_pages_are_in_the_order_that_is_asked_for_with_nulls_last(run: Run, explorer: Explorer) -> None:
    for descending, sign in ((False, "ASC"), (True, "DESC")):
        query = f"SELECT row FROM rows WHERE difficulty = 'easy' ORDER BY instruct_reward {sign} NULLS LAST, row"
        wanted = run.sql(query).column("row").to_pylist()
        found = []
        for offset in range(0, 400, 50):
            page = explorer.page(
                asked(
                    labels("difficulty", "easy"),
                    kind=AskedRows,
                    sort="instruct_reward",
                    descending=descending,
                    offset=offset,
                    count=50,
                )
            )
            found += [(row["row"], row["values"]["instruct_reward"]) for row in page["rows"]]
        rewards = [reward for _, reward in found if reward is not None and reward == reward]
        assert rewards == sorted(rewards, reverse=descending)
        assert sorted(row for row, _ in found if row != 11) == sorted(row for row in wanted if row != 11)
        assert [reward for _, reward in found[len(rewards) + 1 :]].count(None) >= len(found) - len(rewards) - 1


def test_unknown_fields_and_labels_are_refused(explorer: Explorer) -> None:
    for filters in ([labels("nothing", "a")], [between("nothing", 1)], [labels("difficulty", "impossible")]):
        with pytest.raises(UserError):
            explorer.view(asked(*filters))
    with pytest.raises(UserError):
        explorer.page(asked(kind=AskedRows, sort="row; DROP TABLE rows"))


def test_an_area_of_the_map_is_the_rows_inside_it(explorer: Explorer) -> None:
    assert explorer.topics is not None
    xy = explorer.topics.xy
    square = {"kind": "area", "points": [[0.01, 0.01], [2, 0.01], [2, 2], [0.01, 2]]}
    inside = int(((xy > 0.01) & (xy < 2)).all(axis=1).sum())
    assert explorer.view(asked(square))["matching"] == inside > 50
    found = selection(explorer, asked(square), command)
    assert found["where"] is None
    assert [*found["runs"][0]["commands"]] == ["export"]


def test_a_map_of_cells_and_points_has_each_row_once(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    box = explorer.about()["map"]["box"]
    for most in (8000, 0):
        monkeypatch.setattr("magpie.explore.web.density.MOST_POINTS", most)
        data = explorer.map(
            asked(labels("difficulty", "hard"), kind=AskedMap, box=box, cells=[40, 30], color="task_category")
        )
        size = int.from_bytes(data[:4], "little")
        head = json.loads(data[4 : 4 + size])
        numbers = np.frombuffer(data, "<u4", 2 * head["cells"], 4 + size)
        groups, counts = numbers[: head["cells"]] & 15, numbers[head["cells"] :]
        assert head["inside"] == int(np.isfinite(explorer.topics.xy[:, 0]).sum()) if explorer.topics else False
        shown = head["points"] or int(counts[groups != 15].sum())
        assert shown == head["shown"] == 200
        assert int(counts[groups == 15].sum()) == head["inside"] - 200


def test_the_nearest_row_is_one_that_matches(explorer: Explorer) -> None:
    assert explorer.topics is not None
    x, y = (float(value) for value in explorer.topics.xy[7])
    found = explorer.nearest(asked(kind=AskedPlace, at=[x, y], within=0.1))
    assert found is not None
    assert found["row"] == 7
    other = explorer.nearest(asked(labels("difficulty", "easy"), kind=AskedPlace, at=[x, y], within=0.5))
    assert other is not None
    assert other["row"] % 2 == 0
    assert explorer.nearest(asked(kind=AskedPlace, at=[50, 50], within=1)) is None


def test_a_row_is_read_whole_with_its_pair_word_by_word(explorer: Explorer) -> None:
    row = opened(explorer, 0, 8)
    assert [turn["role"] for turn in row["turns"]] == ["user", "assistant"]
    assert row["turns"][1]["reasoning"] == "Let me think."
    assert [piece for piece in row["pair"]["chosen"]["pieces"] if piece[1]] == [("four, ", True)]
    assert [piece for piece in row["pair"]["rejected"]["pieces"] if piece[1]] == [("five, ", True)]
    assert [each["row"] for each in row["neighbors"]] == [9, 10, 11]
    with pytest.raises(UserError):
        opened(explorer, 0, 100_000)
    with pytest.raises(UserError):
        opened(explorer, 3, 0)


def test_several_runs_share_labels_edges_and_one_map(run: Run, tmp_path: Path) -> None:
    other = made_run(tmp_path / "rain", {
        "instruct": [{"instruction": "Short."}, {"instruction": "x" * 5000}, {"instruction": "Third"}],
        "tag": [{"difficulty": "very hard", "task_category": "Poetry"}] * 2
        + [{"difficulty": "hard", "task_category": "Math"}],
    })  # fmt: skip
    both = explorer_of([run, other])
    assert both.view(asked())["runs"] == [400, 3]
    assert both.view(asked(labels("run", "rain")))["runs"] == [0, 3]
    assert both.view(asked(labels("task_category", "Math")))["runs"] == [
        run.sql("SELECT count(*) AS n FROM rows WHERE task_category = 'Math'").to_pylist()[0]["n"],
        1,
    ]
    assert both.view(asked(between("instruction_characters", 1000)))["runs"] == [0, 1]
    assert both.view(asked(between("instruct_reward", -100)))["runs"][1] == 0
    assert opened(both, 1, 2)["id"] == "rain-00000002"
    found = selection(both, asked(labels("difficulty", "hard")), command)
    assert [part["run"] for part in found["runs"]] == ["air", "rain"]
    assert b"".join(ids(both, asked(labels("difficulty", "hard")), 1)) == b"rain-00000002\n"


def test_an_index_is_made_once_and_anew_when_the_run_has_changed(run: Run, tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in run.path.rglob("*"))
    first = open_index(run)
    assert (first.fresh, open_index(run).fresh) == (True, False)
    assert sorted((path, path.stat().st_mtime_ns) for path in run.path.rglob("*")) == before
    grown = made_run(tmp_path / "grown", {"instruct": [{"instruction": "One?"}] * 3})
    folder = open_index(grown).folder
    made_run(tmp_path / "grown", {"instruct": [{"instruction": "One?"}] * 4})
    again = open_index(open_run(grown.path))
    assert (again.fresh, len(again.rows)) == (True, 4)
    assert not folder.exists()


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_run_and_one_of_a_row_can_be_explored(tmp_path: Path, count: int) -> None:
    tiny = made_run(tmp_path / "tiny", {"instruct": [{"instruction": "Hello?"}] * count}, size=3)
    explorer = explorer_of([tiny], with_map=False)
    assert explorer.view(asked())["matching"] == count
    assert explorer.view(asked(text("hello")))["matching"] == count
    assert len(explorer.page(asked(kind=AskedRows))["rows"]) == count
    assert explorer.about()["map"] is None


def test_an_imported_set_without_answers_can_be_explored(tmp_path: Path) -> None:
    explorer = explorer_of(
        [imported(tmp_path, [{"instruction": f"What is {n}?", "language": "en"} for n in range(9)])], with_map=False
    )
    assert opened(explorer, 0, 3)["turns"] == [{"role": "user", "content": "What is 3?", "reasoning": None}]
