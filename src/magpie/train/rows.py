"""A run's rows as token ids: what the trainer is handed, and nothing is left for it to tokenize.

The ids and the masks are those that `magpie export --check` counts (`templates.supervised`). A row that is too long is
left out: cut, it would teach an answer without an end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa

from magpie.errors import RunError, TemplateError, UserError
from magpie.export.options import Options
from magpie.export.query import Records, needed
from magpie.runs import Run, whole_file
from magpie.templates.supervised import Supervised, TrainingTemplate, supervise
from magpie.train.settings import Method, Train

FORMS: Mapping[Method, str] = {"sft": "messages", "dpo": "dpo", "rm": "rm"}
"""The format of an export that a method learns from."""
_IDS = pa.list_(pa.int32())
SCHEMAS: Mapping[Method, pa.Schema] = {
    "sft": pa.schema({"input_ids": _IDS, "assistant_masks": pa.list_(pa.int8())}),
    "dpo": pa.schema({"prompt_ids": _IDS, "chosen_ids": _IDS, "rejected_ids": _IDS}),
    "rm": pa.schema({"chosen_ids": _IDS, "rejected_ids": _IDS}),
}
"""The columns that TRL's trainers read, where a dataset is tokenized already."""
_BATCH_ROWS = 1024


@dataclass
class Prepared:
    """What became of a run's rows."""

    method: Method
    rows: int = 0
    """Rows, or pairs, that are learned from."""
    tokens: int = 0
    """Of all of them."""
    supervised: int = 0
    """Tokens that loss is taken on."""
    too_long: int = 0
    """Rows of more tokens than are taken."""
    refused: Counter[str] = field(default_factory=Counter)
    """Rows that the chat template refuses, or has nothing to learn from, by reason."""
    longest: int = 0
    unended: int = 0
    """Rows with a turn that no special token ends."""
    ends: Counter[int] = field(default_factory=Counter)
    """The tokens that end an assistant's turn."""
    highest: int = 0
    """The highest token id."""
    digest: str = ""
    """The digest of the ids and masks, in order."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "rows": self.rows,
            "tokens": self.tokens,
            "supervised_tokens": self.supervised,
            "longest": self.longest,
            "too_long": self.too_long,
            "refused": dict(self.refused.most_common()),
            "digest": self.digest,
        }


def options_of(settings: Train) -> Options:
    """What goes into a conversation, as an export has it."""
    return Options(system=settings.system, reasoning=settings.reasoning)


def check_run(run: Run, method: Method, settings: Train) -> None:
    """Raise `UserError` for a run that holds nothing to learn from by this method, with what to do."""
    made = {column.name for stage in run.stages for column in stage.columns}
    lacks = [column for column in needed(FORMS[method]) if column not in made]
    if lacks and method != "sft":
        raise RunError(
            f"{run.path}: has no pairs, and {method} learns from pairs: let `magpie pair` make them, of several "
            "responses to an instruction (respond.n), or use --method sft"
        )
    if lacks:
        raise RunError(f"{run.path}: has no responses to learn from: let `magpie respond` answer its instructions")
    if method != "sft" and settings.reasoning != "none":
        raise UserError(
            f"train.reasoning={settings.reasoning}: a pair holds answers alone; expected none with {method}"
        )
    for name, asked in (("system", settings.system), ("reasoning", settings.reasoning != "none")):
        if asked and name not in made:
            raise RunError(f"{run.path}: train.{name} shows the column {name}, and the run has none: leave it out")
    if not run.kept():
        raise RunError(f"{run.path}: {_why_empty(run)}")


def _why_empty(run: Run) -> str:
    """Why a run keeps no row."""
    for stage, counts in zip(run.stages, run.counts(), strict=True):
        if not counts.made:
            again = "`magpie select` chooses them" if stage.stage == "select" else "the same `magpie run` resumes it"
            return f"its stage {stage.stage} has made no row, so none is kept yet: {again}"
    return "no row has come through every stage, so there is nothing to learn from; see `magpie status`"


def prepare(run: Run, method: Method, template: TrainingTemplate, settings: Train, length: int, to: Path) -> Prepared:
    """Write the rows of a run as ids to the Arrow file `to`, whole or not at all.

    length: tokens that a row may have. Raises `RunError` where nothing is left to learn from, `TemplateError` where the
    chat template cannot be trained on.
    """
    found, digest = Prepared(method), blake2b(digest_size=16)
    with whole_file(to) as file, pa.ipc.new_stream(file, SCHEMAS[method]) as writer:
        held: list[dict[str, Any]] = []
        for row in _rows(run, method, template, settings, length, found):
            digest.update(repr(sorted(row.items())).encode())
            held.append(row)
            if len(held) == _BATCH_ROWS:
                writer.write_batch(pa.RecordBatch.from_pylist(held, schema=SCHEMAS[method]))
                held = []
        if held:
            writer.write_batch(pa.RecordBatch.from_pylist(held, schema=SCHEMAS[method]))
        found.digest = digest.hexdigest()
        _check(run, found, length)
    return found


def _rows(
    run: Run, method: Method, template: TrainingTemplate, settings: Train, length: int, found: Prepared
) -> Iterator[dict[str, Any]]:
    """The rows that are learned from, in the run's order; what they are is counted in `found`."""
    for document in Records(run, FORMS[method], options_of(settings)).documents_of_rows():
        try:
            seen = _supervised(document, method, template)
        except TemplateError as error:
            found.refused[str(error)] += 1
            continue
        longest = max(len(one.ids) for one in seen)
        found.longest = max(found.longest, longest)
        if longest > length:
            found.too_long += 1
            continue
        if not all(one.supervised for one in seen):
            found.refused["no answer in it"] += 1
            continue
        if method != "sft" and seen[0].ids == seen[1].ids:
            found.refused["both answers of the pair are one to the model"] += 1
            continue
        _count(found, seen)
        yield _row(method, seen)


def _supervised(document: Mapping[str, Any], method: Method, template: TrainingTemplate) -> list[Supervised]:
    if method == "sft":
        return [supervise(document["messages"], template)]
    asked = document.get("prompt", [])
    return [supervise([*asked, *document[name]], template, last_only=True) for name in ("chosen", "rejected")]


def _count(found: Prepared, seen: list[Supervised]) -> None:
    found.rows += 1
    for one in seen:
        found.tokens += len(one.ids)
        found.supervised += one.supervised
        found.highest = max(found.highest, *one.ids)
        last = max(place for place, own in enumerate(one.mask) if own)
        if one.turns[-1].ended:
            found.ends[one.ids[last]] += 1
    found.unended += any(not turn.ended for one in seen for turn in one.turns)


def _row(method: Method, seen: list[Supervised]) -> dict[str, Any]:
    if method == "sft":
        (one,) = seen
        return {"input_ids": one.ids, "assistant_masks": [int(own) for own in one.mask]}
    chosen, rejected = seen
    if method == "rm":
        return {"chosen_ids": chosen.ids, "rejected_ids": rejected.ids}
    # The prompt ends where the first of the two answers begins; each answer, with its end of turn.
    begin = min(one.mask.index(True) for one in seen)
    while chosen.ids[:begin] != rejected.ids[:begin]:
        begin -= 1
    answers = [one.ids[begin : len(one.mask) - one.mask[::-1].index(True)] for one in seen]
    return {"prompt_ids": chosen.ids[:begin], "chosen_ids": answers[0], "rejected_ids": answers[1]}


def _check(run: Run, found: Prepared, length: int) -> None:
    if found.rows:
        if found.unended == found.rows:
            raise TemplateError(
                "the chat template ends no assistant's turn with a special token, so a model would not learn to stop; "
                "give another by --set train.chat_template=FILE or --set train.tokenizer=MODEL"
            )
        return
    if found.too_long and not found.refused:
        raise RunError(
            f"{run.path}: all {found.too_long:,} rows are longer than {length:,} tokens (the longest has "
            f"{found.longest:,}): raise train.max_length"
        )
    if found.refused:
        reason, count = found.refused.most_common(1)[0]
        raise TemplateError(
            f"{run.path}: the chat template cannot be trained on, not one row comes through it: {reason} ({count:,} "
            "rows); give another by --set train.chat_template=FILE"
        )
    raise RunError(f"{run.path}: no kept row has what is learned from; see `magpie show`")
