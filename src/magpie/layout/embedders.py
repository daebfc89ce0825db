"""Which embedder made the vectors of a run: those of two cannot be compared."""

from __future__ import annotations

from typing import Any

from magpie.errors import UserError
from magpie.runs import Run, StageFolder
from magpie.safe.terminal import one_line


def check_embedders(run: Run, other: Run) -> None:
    """Raise `UserError` where both have vectors and different embedders made them, or nobody knows which."""
    ones, others = _maker(run), _maker(other)
    if ones is None or others is None:
        return
    again = "magpie embed RUN, with the same settings for both, makes vectors that can be compared"
    for each, maker in ((run, ones), (other, others)):
        if maker != "embed":
            raise UserError(
                f"{one_line(each.path)}: its embeddings were imported, so that nobody knows what made them; {again}"
            )
    if not _same(run, other):
        raise UserError(
            f"--against {one_line(other.path)}: another embedder made its vectors ({_words(other)}) than those of "
            f"{one_line(run.path)} ({_words(run)}), and distances between them mean nothing; {again}"
        )


def embedder_of(run: Run) -> Any:
    """What names the embedder of a run's vectors; None where it has none, or imported them."""
    if _maker(run) != "embed":
        return None
    entry = next(stage for stage in run.info["stages"] if stage["stage"] == "embed")
    return {"identity": entry.get("identity"), "settings": entry.get("settings"), "recipe": run.recipe.get("embed")}


def _same(run: Run, other: Run) -> bool:
    """By what the stage says of itself; of runs of earlier magpies, which say nothing, by their recipes."""
    ones, others = embedder_of(run), embedder_of(other)
    if ones["identity"] is not None and others["identity"] is not None:
        return bool(ones["identity"] == others["identity"] and ones["settings"] == others["settings"])
    return bool(ones["recipe"] == others["recipe"])


def _words(run: Run) -> str:
    embed = run.recipe.get("embed")
    embedder = embed.get("embedder") if isinstance(embed, dict) else None
    if not isinstance(embedder, dict):
        return "unknown"
    named = [str(embedder[key]) for key in ("name", "model", "served_model", "dimension") if embedder.get(key)]
    return one_line(", ".join(named)[:200]) or "unknown"


def maker_of_embeddings(run: Run) -> StageFolder | None:
    """The stage whose embeddings count: of two, the later one."""
    makers = [stage for stage in run.stages if any(column.name == "embedding" for column in stage.columns)]
    return makers[-1] if makers else None


def _maker(run: Run) -> str | None:
    stage = maker_of_embeddings(run)
    return None if stage is None else stage.stage
