"""Builds `decontaminate`: no benchmark's prompts among the instructions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import blake2b

from magpie.errors import RecipeError
from magpie.safe.paths import expanded
from magpie.seams import TableStage
from magpie.settings.base import frozen
from magpie.stages.decontaminate.benchmarks import Source, read_prompts
from magpie.stages.decontaminate.columns import COLUMNS
from magpie.stages.decontaminate.settings import Benchmark, Decontaminate
from magpie.stages.decontaminate.work import Overlap, open_decontaminate
from magpie.stages.extras import check_curation
from magpie.stages.spec import BoundStage, Context


def build_decontaminate(asked: Decontaminate, context: Context) -> BoundStage:  # noqa: ARG001 (every builder takes one)
    """Reads the benchmarks: what cannot be read is said before a row is made, and what is in them, not where they lie,
    decides the rows. Raises `RecipeError` or `MissingExtra`."""
    check_curation("decontaminate", numpy="NumPy")
    benchmarks = _read(asked.benchmarks)
    overlap = Overlap(asked.ngram, asked.min_words, asked.max_shared)
    opened = partial(open_decontaminate, benchmarks, overlap)
    stage = TableStage("decontaminate", ("instruction",), COLUMNS, opened)
    identity = {name: _digest(prompts) for name, prompts in benchmarks.items()}
    return BoundStage(stage, frozen(asked, without={"benchmarks"}), identity=[*identity.items()])


def _read(asked: Sequence[Benchmark]) -> Mapping[str, Sequence[str]]:
    sources = [_source(one) for one in asked if not one.prompts]
    listed = {str(one.name): one.prompts for one in asked if one.prompts}
    names = [*(source.name for source in sources), *(str(one.name) for one in asked if one.prompts)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise RecipeError(f"decontaminate.benchmarks: {twice[0]} twice; expected a `name` of its own for each")
    return {source.name: read_prompts(source) for source in sources} | listed


def _source(asked: Benchmark) -> Source:
    path = None if asked.path is None else expanded(asked.path)
    name = asked.name or (path.name.split(".")[0] if path else str(asked.hub).rpartition("/")[2])
    return Source(name, path, asked.hub, asked.config, asked.split, asked.columns)


def _digest(prompts: Sequence[str]) -> str:
    return blake2b("\0".join(prompts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
