"""The card of an exported dataset: what it holds, how it was made, what was dropped, and what is known not to be right.

Every figure is counted from the run. Addresses and folders of this machine stay out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import yaml

from magpie.columns import COMPUTED
from magpie.export.generators import Generator, generators
from magpie.export.options import Options
from magpie.export.query import COLUMNS
from magpie.export.shapes import shape_of
from magpie.export.trainers import TRAINERS
from magpie.install import magpie_version
from magpie.runs import Run, StageCounts
from magpie.safe.markdown import code, fence, link, plain
from magpie.safe.terminal import one_line

if TYPE_CHECKING:
    from jinja2 import Template

PICTURES = "pictures"
"""The folder of an export that holds what its card shows."""

_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)


def card_of(run: Run, form: str, splits: Mapping[str, int], options: Options) -> str:
    """README.md of a folder that holds the kept rows of `run` in the format `form`."""
    models = generators(run)
    counts = run.counts()
    made = {column.name for stage in run.stages for column in stage.columns}
    return _template().render(
        head=_head(run, form, splits, options, made),
        run=run,
        about=run.recipe.get("about") or "",
        form=form,
        shape=_about(form),
        splits=splits,
        counts=[_counted(one) for one in counts],
        models=[_told(one) for one in models],
        license=options.license,
        recipe=yaml.safe_dump(published(run.recipe), sort_keys=False, allow_unicode=True, width=100),
        columns=_columns(run, form, options),
        made=made,
        imported=any(stage.stage == "import" for stage in run.stages),
        version=magpie_version(),
        test_share=options.test_share,
        reasoning=options.reasoning,
        pictures=[(f"{PICTURES}/{name}", about) for name, (about, _) in options.pictures.items()],
    )


@cache
def _template() -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "plain": plain,
        "code": code,
        "cell": _cell,
        "reason": _reason,
        "link": link,
        "fence": fence,
    }
    text = (resources.files("magpie") / "export" / "card.md.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)


def _cell(text: str) -> str:
    """What `run.json` says in magpie's own words, which have backticks of their own."""
    return " ".join(one_line(" ".join(text.split())).split("|")).replace("<", "\\<")


def _reason(text: str) -> str:
    """Why rows were dropped: a name of magpie's own as it is, anything else with nothing in it markup."""
    return text if text.replace("_", "a").isalnum() else plain(text)


def _head(run: Run, form: str, splits: Mapping[str, int], options: Options, made: set[str]) -> str:
    """What the Hub reads: sizes, tags, languages and where the splits lie."""
    head: dict[str, Any] = {"license": options.license} if options.license else {}
    if languages := _languages(run, made):
        head["language"] = languages
    pairs = "chosen" in made and (form == "parquet" or "chosen" in _needs(form))
    head |= {
        "pretty_name": run.name,
        "size_categories": [_size(sum(splits.values()))],
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "magpie", *(["preference", "dpo"] if pairs else [])],
        "configs": [{"config_name": "default", "data_files": [_data_file(form, split) for split in splits]}],
    }
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True)


def _needs(form: str) -> tuple[str, ...]:
    return shape_of(TRAINERS[form].shape if form in TRAINERS else form).needs


def _data_file(form: str, split: str) -> dict[str, str]:
    return {"split": split, "path": f"{split}.jsonl" if form in TRAINERS else f"data/{split}-*"}


def _about(form: str) -> str:
    if form in TRAINERS:
        return TRAINERS[form].about
    return "every column of the run, as it is" if form == COLUMNS else shape_of(form).about


def _size(rows: int) -> str:
    """The Hub's name for a number of rows."""
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "n>1B")
    return names[sum(rows >= size for size in _SIZES)]


def _languages(run: Run, made: set[str]) -> list[str]:
    """The languages of at least one kept row in a hundred, the commonest first."""
    if "language" not in made:
        return []
    query = (
        "SELECT language FROM kept WHERE language IS NOT NULL GROUP BY language "
        "HAVING count(*) * 100 >= (SELECT count(*) FROM kept) ORDER BY count(*) DESC, language"
    )
    return [str(language) for language in run.sql(query).column("language").to_pylist()]


def _counted(counts: StageCounts) -> dict[str, Any]:
    return {
        "stage": counts.stage,
        "made": counts.made,
        "failed": counts.failed,
        "dropped": sum(counts.dropped.values()),
        "reasons": sorted(counts.dropped.items(), key=lambda item: (-item[1], item[0])),
        "tokens": counts.completion_tokens,
    }


def _told(model: Generator) -> dict[str, Any]:
    where = f"https://huggingface.co/{model.hub}" if model.hub else None
    stages = ", ".join(model.stages)
    return {"name": model.name, "stages": stages, "engine": model.engine, "license": model.license, "where": where}


def _columns(run: Run, form: str, options: Options) -> list[tuple[str, str, str]]:
    """Name, unit and meaning of what Parquet files hold; other formats explain themselves."""
    if form != "parquet":
        return []
    found = [(c.name, c.unit, c.meaning) for stage in run.stages for c in stage.columns]
    computed = [(name, "", COMPUTED[name]) for name in ("id", "messages")]
    return [each for each in dict.fromkeys([*computed, *found]) if options.embeddings or each[0] != "embedding"]


def published(settings: Any) -> Any:
    """Settings as anybody may see them: of places on this machine the last part, of servers nothing."""
    if isinstance(settings, dict):
        return {key: "(left out)" if key == "url" else published(value) for key, value in settings.items()}
    if isinstance(settings, list):
        return [published(value) for value in settings]
    if isinstance(settings, str) and _is_place(settings):
        return PurePosixPath(settings.replace("\\", "/")).name
    return settings


def _is_place(text: str) -> bool:
    """Whether a setting is the full path of a file. `/think`, such as a prompt may hold, is not."""
    posix, windows = PurePosixPath(text), PureWindowsPath(text)
    in_full = (posix.is_absolute() and len(posix.parts) > 2) or (windows.is_absolute() and bool(windows.drive))
    return in_full and "\n" not in text
