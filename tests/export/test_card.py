"""The card counts, names and warns; it tells nothing of the machine that the run was made on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import yaml

from magpie.export import Options, export
from magpie.export.card import _size, published
from magpie.export.generators import _license
from magpie.imports import import_dataset
from magpie.modelfiles.locate import find_model
from magpie.runs import Run, open_run


def card(run: Run, folder: Path, form: str = "parquet", options: Options = Options()) -> tuple[Any, str]:  # noqa: B008
    export(run, form, folder, options)
    _, head, body = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_head_says_what_the_hub_reads(full: Run, tmp_path: Path) -> None:
    head, _ = card(full, tmp_path / "set", options=Options(test_share=0.3, license="cc-by-4.0"))
    assert head["license"] == "cc-by-4.0"
    assert head["language"] == ["en"]
    assert head["size_categories"] == ["n<1K"]
    assert {"synthetic", "preference"} <= set(head["tags"])
    assert head["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*"},
        {"split": "test", "path": "data/test-*"},
    ]


def test_no_license_is_made_up(made: Run, tmp_path: Path) -> None:
    head, body = card(made, tmp_path / "set")
    assert "license" not in head
    assert "No license was given" in body


def test_the_body_counts_rows_drops_and_tokens_and_holds_the_recipe(made: Run, tmp_path: Path) -> None:
    _, body = card(made, tmp_path / "set")
    counts = {one.stage: one for one in made.counts()}
    for one in counts.values():
        assert f"| {one.stage} | {one.made:,} | {sum(one.dropped.values()):,} | {one.failed:,} |" in body
    for reason, count in counts["instruct"].dropped.items():
        assert f"{reason} {count}" in body
    recipe = yaml.safe_load(body.split("```yaml\n")[1].split("```")[0])
    assert recipe["size"] == made.size
    assert "| fledgling | instruct, respond | scripted | mit |" in body


def test_limits_are_those_of_the_run(made: Run, full: Run, tmp_path: Path) -> None:
    _, plain = card(made, tmp_path / "made")
    assert "Nothing was judged for safety" in plain
    assert "as sure as the reward is" not in plain
    _, body = card(full, tmp_path / "full", "dpo")
    assert "as sure as the reward is" in body
    assert "Rows that were imported" in body


def test_every_column_of_a_parquet_export_is_explained(full: Run, tmp_path: Path) -> None:
    _, body = card(full, tmp_path / "set")
    assert "| `chosen_reward` | the reward of the better one |" in body
    assert "`embedding`" not in body


def test_nothing_of_the_machine_is_published(full: Run, tmp_path: Path) -> None:
    _, body = card(full, tmp_path / "set")
    assert str(full.path.parent) not in body
    told = published(
        {"model": "/home/me/m.gguf", "engine": {"url": "http://10.0.0.1"}, "files": ["C:\\me\\b.jsonl"], "n": 2}
    )
    assert told == {"model": "m.gguf", "engine": {"url": "(left out)"}, "files": ["b.jsonl"], "n": 2}
    assert published(["/think", "owner/name", "/a/b\nc"]) == ["/think", "owner/name", "/a/b\nc"]


def test_sizes_have_the_hub_s_names() -> None:
    assert [_size(rows) for rows in (999, 1_000, 999_999, 10**9)] == ["n<1K", "1K<n<10K", "100K<n<1M", "n>1B"]


def test_a_license_is_what_a_model_s_files_state(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\ntags: [x]\n---\n# A model\n")
    assert _license(tmp_path, None) == "apache-2.0"
    (tmp_path / "README.md").write_text("---\nlicense: [broken\n---\n")
    assert _license(tmp_path, None) is None
    (tmp_path / "README.md").write_text("# A model\n")
    assert _license(tmp_path, None) is None
    assert _license(tmp_path / "none.gguf", None) is None
    assert _license(find_model("fledgling"), "fledgling") == "mit"


def test_what_others_wrote_is_text_in_the_card(tmp_path: Path) -> None:
    source = tmp_path / "set.jsonl"
    role = "```\n<script>"
    source.write_bytes(
        orjson.dumps({"messages": [{"role": "user", "content": "a"}, {"role": role, "content": "b"}]})
        + b"\n"
        + orjson.dumps({"instruction": "a", "response": "b"})
    )
    run, _ = import_dataset(source, tmp_path / "run")
    recipe = run.path / "recipe.yaml"
    about = "x\n```\n# Heading\n<script>alert(1)</script> [l](http://e) |"
    settings = yaml.safe_load(recipe.read_text()) | {"about": about}
    recipe.write_text(yaml.safe_dump(settings))
    _, body = card(open_run(run.path), tmp_path / "out")
    text, _, rest = body.partition("## Recipe")
    assert "# Heading" not in text.replace("\\# Heading", "")
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\n```" not in text
    fence = next(line for line in rest.splitlines() if line.endswith("yaml")).removesuffix("yaml")
    block = rest.split(f"{fence}yaml\n")[1].split(f"\n{fence}\n")[0]
    assert yaml.safe_load(block)["about"] == about


def test_pictures_lie_beside_the_card_that_shows_them(full: Run, tmp_path: Path) -> None:
    drawn = {"languages.svg": ("Kept rows by language", b"<svg/>")}
    _, body = card(full, tmp_path / "set", options=Options(pictures=drawn))
    assert "![Kept rows by language](pictures/languages.svg)" in body
    assert (tmp_path / "set" / "pictures" / "languages.svg").read_bytes() == b"<svg/>"
    assert "![" not in card(full, tmp_path / "plain")[1]
