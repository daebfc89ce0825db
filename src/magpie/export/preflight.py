"""What a trainer will make of an export, before it is written: tokens, what is supervised, and what the model's chat
template refuses or leaves out. Counted by the tokenizer and the template of the model that is to be trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from magpie.errors import RunError, TemplateError, UserError
from magpie.export.options import Options
from magpie.export.query import COLUMNS, Records, needed
from magpie.export.shapes import SHAPES, packaged_formats
from magpie.export.trainers import TRAINERS
from magpie.runs import Run
from magpie.templates.supervised import ChatMessage, Supervised, TrainingTemplate, supervise

MOST_ROWS = 10_000
"""How many rows are checked, spread over the run: quantiles of more rows are the same."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a trainer will make of an export in one format."""

    form: str
    rows: int
    """Rows that were checked."""
    of: int
    """Rows of the export."""
    refused: Mapping[str, int]
    """Why the template refuses rows: reason to rows. The figures below are of the others."""
    median: int
    """Tokens of a row; of a pair, of the longer of its two conversations."""
    p95: int
    longest: int
    max_length: int | None
    over: int
    """Rows with more tokens than `max_length`: a trainer cuts or drops them."""
    supervised: float
    """The share of all tokens that loss is taken on."""
    unsupervised: int
    """Rows without one supervised token within `max_length`."""
    unended: int
    """Rows with an assistant's turn that ends without a special token."""
    stripped: int
    """Rows whose reasoning the template leaves out of a turn that is not the last."""
    unprinted: int
    """Rows whose reasoning the template leaves out of the last turn."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Sequence:
    """What a trainer takes as one text."""

    messages: Sequence[ChatMessage]
    last_only: bool
    """Whether loss is taken on the last turn alone."""


def fitting_formats(run: Run) -> list[str]:
    """The formats of files that a run can be exported in."""
    made = {column.name for stage in run.stages for column in stage.columns}
    return [form for form in SHAPES if made.issuperset(needed(form))]


def preflight(
    run: Run, form: str, template: TrainingTemplate, options: Options, max_length: int | None = None
) -> Checked:
    """Check the records of a run in a format as a trainer would read them. max_length: the most tokens of a row that
    the trainer uses.

    Raises `RunError` where the template refuses every row, or none is there.

    Example: `preflight(open_run("runs/air"), "messages", TrainingTemplate.of(open_model(path)), Options(), 4096)`.
    """
    records = Records(run, "messages" if form == COLUMNS else form, options)
    total = run.kept()
    where = f"row % {max(1, total // MOST_ROWS)} = 0"
    refused: Counter[str] = Counter()
    lengths: list[int] = []
    tokens = supervised = unsupervised = unended = stripped = unprinted = 0
    for row in _rows(records, where):
        try:
            found = [(one, supervise(one.messages, template, last_only=one.last_only)) for one in row]
        except TemplateError as error:
            refused[str(error)] += 1
            continue
        lengths.append(max(len(seen.ids) for _, seen in found))
        tokens += sum(len(seen.ids) for _, seen in found)
        supervised += sum(seen.supervised for _, seen in found)
        unsupervised += any(not any(seen.mask[:max_length]) for _, seen in found)
        unended += any(not turn.ended for _, seen in found for turn in seen.turns)
        earlier, last = map(any, zip(*(_lost(one.messages, seen) for one, seen in found), strict=True))
        stripped += earlier
        unprinted += last
    if not lengths:
        why = f": {refused.most_common(1)[0][0]}" if refused else ""
        raise RunError(f"{run.path}: as {form}, not one row comes through the chat template{why}")
    lengths.sort()
    return Checked(
        form=form,
        rows=len(lengths) + refused.total(),
        of=total,
        refused=dict(refused.most_common()),
        median=lengths[(len(lengths) - 1) // 2],
        p95=lengths[(len(lengths) * 95 + 99) // 100 - 1],
        longest=lengths[-1],
        max_length=max_length,
        over=sum(length > max_length for length in lengths) if max_length else 0,
        supervised=supervised / tokens,
        unsupervised=unsupervised,
        unended=unended,
        stripped=stripped,
        unprinted=unprinted,
    )


def _rows(records: Records, where: str) -> Iterator[list[_Sequence]]:
    """The conversations of each record."""
    if records.form in packaged_formats():
        raise UserError(f"--check: {records.form} is a format of another package, and what it trains on is not known")
    sequences = _SEQUENCES[TRAINERS[records.form].shape if records.form in TRAINERS else records.form]
    if records.form in TRAINERS and "chosen" in needed(records.form):
        sequences = _trainer_pair
    for document in records.documents_of_rows(where):
        yield sequences(document)


def _lost(messages: Sequence[ChatMessage], seen: Supervised) -> tuple[bool, bool]:
    """Whether reasoning is missing from an earlier turn of the rendered text, and from the last."""
    answers = [message for message in messages if message["role"] == "assistant"]
    turns = seen.turns
    lost = [
        bool(thought := _reasoning(answer)) and thought not in seen.text[turn.start : turn.end]
        for answer, turn in zip(answers[-len(turns) :], turns, strict=True)
    ]
    return any(lost[:-1]), bool(lost and lost[-1])


def _reasoning(answer: ChatMessage) -> str:
    """The reasoning of a message, beside its content or in think tags inside it."""
    inside, closed, _ = answer["content"].partition("</think>")
    beside = answer.get("reasoning_content") or ""
    return str(beside or (inside.partition("<think>")[2] if closed else "")).strip()


# -- what each format holds ------------------------------------------------------------------------------------------


def _conversation(document: Mapping[str, Any]) -> list[_Sequence]:
    return [_Sequence(document["messages"], last_only=False)]


def _sharegpt(document: Mapping[str, Any]) -> list[_Sequence]:
    roles = {"human": "user", "gpt": "assistant"}
    turns = document["conversations"]
    messages = [{"role": roles.get(turn["from"], turn["from"]), "content": turn["value"]} for turn in turns]
    return [_Sequence(messages, last_only=False)]


def _alpaca(document: Mapping[str, Any]) -> list[_Sequence]:
    system = document.get("system")
    messages = [{"role": "system", "content": system}] if system else []
    for asked, answered in [*document.get("history", ()), (document["instruction"], document["output"])]:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return [_Sequence(messages, last_only=False)]


def _completion(document: Mapping[str, Any]) -> list[_Sequence]:
    return [_Sequence([*document["prompt"], *document["completion"]], last_only=True)]


def _pair(document: Mapping[str, Any]) -> list[_Sequence]:
    prompt = document.get("prompt", [])
    return [_Sequence([*prompt, *document[name]], last_only=True) for name in ("chosen", "rejected")]


def _trainer_pair(document: Mapping[str, Any]) -> list[_Sequence]:
    return [_Sequence([*document["messages"], document[name]], last_only=True) for name in ("chosen", "rejected")]


_SEQUENCES: Mapping[str, Callable[[Mapping[str, Any]], list[_Sequence]]] = {
    "messages": _conversation,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "sft": _completion,
    "dpo": _pair,
    "rm": _pair,
    "kto": _completion,
}
