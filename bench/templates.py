"""Derives prompts from every chat template under a folder and reports what came of it.

    python -m bench.templates DIR [--failed] [--metaspace]

Reads *.jinja, and *.json files with a `chat_template`. Each template gets a small tokenizer trained here, to which
the special tokens that its source writes are added, so no model has to be at hand. On conversations of one to three
turns, `exact` says whether every prompt is what the tokenizer makes of the whole rendering; `history` says where the
template itself renders a turn otherwise once it is answered, which no prompt can be blamed for.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from bench.round_trips import round_trips
from magpie.errors import TemplateError, UserError
from magpie.modelfiles.model import ModelFiles
from magpie.modelfiles.probe import probe_texts
from magpie.modelfiles.tokenizer import wrap
from magpie.seams import Message
from magpie.templates import ChatTemplate, TemplateOptions, derive
from magpie.templates.render import Renderer

SPECIAL = re.compile(
    r"<\|[^|<>{}'\"\s]{1,60}\|?>|<[^|<>{}'\"\s]{1,40}\|>|<｜[^｜]{1,40}｜>|</?s>|<(?:bos|eos|pad|unk)>"
    r"|<(?:start|end)_of_\w+>|\[/?[A-Z_]{3,30}\]|<extra_id_\d+>|</?\w+:\w+>|</?think>|<role>|</?tool_calls?>"
    r"|\[\|[^|\]]{1,40}\|\]|〈\|[^|]{1,40}\|〉|<(?:SPECIAL|reserved)_\d+>|<_\w+>|\]~!?b[\[\]]|\[e~\[|\[gMASK\]|<sop>|<sep>"
)
WORDS = (
    "Write a short poem about the sea.",
    "1 + 1 = ?",
    "为什么天空是蓝色的？",
    "- list\n- of\n\n```python\nprint('hello')\n```",
    "it's 5 o'clock (somewhere); isn't it?",
    "Étude №3: naïve café",
)


@dataclass(frozen=True)
class Row:
    """What came of one template."""

    file: str
    outcome: str
    exact: str = ""
    history: str = ""
    answers: str = ""
    system: str = ""
    thinking: str = ""
    prompts: str = ""
    milliseconds: float = 0.0


def byte_level() -> Tokenizer:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        _corpus(), trainers.BpeTrainer(vocab_size=900, show_progress=False, initial_alphabet=alphabet)
    )
    return inner


def metaspace() -> Tokenizer:
    space = "\u2581"
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    inner.normalizer = normalizers.Sequence([normalizers.Prepend(space), normalizers.Replace(" ", space)])
    cuts = [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Split(space, "merged_with_next")]
    inner.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    inner.decoder = decoders.Sequence([decoders.Replace(space, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokens = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    inner.train_from_iterator(
        _corpus(), trainers.BpeTrainer(vocab_size=1200, show_progress=False, special_tokens=tokens)
    )
    state = json.loads(inner.to_str())
    state["pre_tokenizer"] = None
    state["added_tokens"] = state["added_tokens"][:1]
    return Tokenizer.from_str(json.dumps(state))


def _corpus() -> list[str]:
    return [*probe_texts, *WORDS, "system user assistant USER: ASSISTANT: ### Instruction: ### Response:"] * 4


def sources(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and source of each template; named templates of one file are told apart."""
    for file in sorted([*folder.rglob("*.jinja"), *folder.rglob("*.json")]):
        name = str(file.relative_to(folder))
        if file.suffix == ".jinja":
            yield name, file.read_text("utf-8")
        else:
            yield from ((f"{name}:{key}" if key else name, text) for key, text in _in_json(file))


def _in_json(file: Path) -> list[tuple[str, str]]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except ValueError:
        return []
    template = found.get("chat_template") if isinstance(found, dict) else None
    if isinstance(template, list):
        return [(entry["name"], entry["template"]) for entry in template]
    return [("", template)] if isinstance(template, str) else []


def model_for(name: str, source: str, base: str) -> ModelFiles:
    """A model whose tokenizer has the special tokens that the template writes."""
    inner = Tokenizer.from_str(base)
    inner.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in _special(source)])
    tokenizer = wrap(inner)
    eos = next((t for t in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "</s>") if t in tokenizer.added), "</s>")
    special = {"bos_token": "<s>", "eos_token": eos, "pad_token": "<pad>", "unk_token": "<unk>"}
    return ModelFiles(name, tokenizer, {"default": source}, special, (tokenizer.added[eos].id,))


def _special(source: str) -> list[str]:
    """What looks like a special token in the source, or in what it writes: some put their tokens together."""
    return ["<s>", "</s>", "<pad>", *dict.fromkeys(SPECIAL.findall(source + _written(source)))]


def _written(source: str) -> str:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    try:
        return Renderer(source, {"bos_token": "<s>", "eos_token": "</s>"}).render(turns, True)
    except TemplateError:
        return ""


def examine(name: str, source: str, base: str) -> Row:
    started = time.perf_counter()
    try:
        model = model_for(name, source, base)
        chat = derive(model, TemplateOptions(date="2026-01-02"))
    except UserError as error:
        return Row(name, f"refused: {error}")
    spent = (time.perf_counter() - started) * 1000
    report = chat.describe()
    shown = " ".join(
        repr(report[key]["text"]) if report[key] else "-" for key in ("pre_query", "follow_up", "pre_response")
    )
    try:
        exact, history = exactness(chat)
    except TemplateError as error:
        return Row(name, f"failed: {error}")
    answers = _answers(chat, model)
    return Row(
        name, "derived", exact, history, answers, report["system_role"], report["thinking"]["state"], shown, spent
    )


def _answers(chat: ChatTemplate, model: ModelFiles) -> str:
    """How many answers of each kind came back, see `bench.round_trips`."""
    try:
        outcomes = Counter(trip.outcome for trip in round_trips(chat, model))
    except TemplateError as error:
        return f"refused: {error}"
    return ", ".join(f"{count} {outcome.replace(', ', ' ')}" for outcome, count in outcomes.most_common())


def exactness(chat: ChatTemplate) -> tuple[str, str]:
    """`yes` or what kind of prompt is wrong, and how history differs."""
    found = {kind for turns in conversations(chat) for kind in check(chat, turns)}
    wrong = sorted(found & {"user", "assistant"})
    return ", ".join(wrong) or "yes", ", ".join(sorted(found - {"user", "assistant"})) or "same"


def conversations(chat: ChatTemplate) -> Iterator[list[Message]]:
    for start in range(len(WORDS)):
        said = [WORDS[(start + n) % len(WORDS)] for n in range(6)]
        turns = [Message("user" if n % 2 == 0 else "assistant", words) for n, words in enumerate(said)]
        for count in (2, 4, 6):
            yield turns[:count]
            if chat.describe()["system_role"] == "own turn":
                yield [Message("system", "Be brief."), *turns[:count]]


def check(chat: ChatTemplate, turns: list[Message]) -> Iterator[str]:
    before, ask, reply = turns[:-2], turns[-2], turns[-1]
    opened = chat.next_user(before).ids
    if tuple(chat.tokenizer.encode(chat.script.bare_prompt([*before, ask]))[: len(opened)]) != opened:
        yield "user"
    prompt = chat.next_assistant([*before, ask]).ids
    said = chat.script.prompt([*before, ask]) + chat.script.manner.lead + reply.content
    if tuple(chat.tokenizer.encode(said)[: len(prompt)]) != prompt:
        yield "assistant"
    whole = chat.tokenizer.encode(chat.script.conversation([*before, ask, reply]))
    if tuple(whole[: len(opened)]) != opened:
        yield "user turn differs once answered"
    if tuple(whole[: len(prompt)]) != prompt:
        yield "prompt holds a thought's tags" if _thinks(chat) else "answer has another header"


def _thinks(chat: ChatTemplate) -> bool:
    return str(chat.describe()["thinking"]["state"]) != "none"


HEAD = (
    "| template | outcome | exact | history | answers | system | thinking | ms | prompts |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def line(row: Row) -> str:
    cells = (
        row.file,
        row.outcome,
        row.exact,
        row.history,
        row.answers,
        row.system,
        row.thinking,
        f"{row.milliseconds:.0f}",
        row.prompts,
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _is_right(row: Row) -> bool:
    return row.outcome == "derived" and row.exact == "yes" and not _wrong(row.answers)


def summary(rows: list[Row]) -> Mapping[str, int]:
    derived = [row for row in rows if row.outcome == "derived"]
    return {
        "templates": len(rows),
        "derived": len(derived),
        "exact": sum(row.exact == "yes" for row in derived),
        "history the same": sum(row.history == "same" for row in derived),
        "answers read back": sum(not _wrong(row.answers) for row in derived),
    }


def _wrong(answers: str) -> bool:
    """Whether any answer that the template renders was not read back as its words."""
    return any(part.split(" ", 1)[1] not in ("exact", "unseen") for part in answers.split(", "))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--failed", action="store_true", help="show only what was refused or is not exact")
    parser.add_argument("--metaspace", action="store_true", help="a sentencepiece-like tokenizer, not a byte-level one")
    given = parser.parse_args()
    base = (metaspace() if given.metaspace else byte_level()).to_str()
    print(HEAD)
    rows: list[Row] = []
    for name, source in sources(given.folder):
        rows.append(examine(name, source, base))
        if not (given.failed and _is_right(rows[-1])):
            print(line(rows[-1]), flush=True)  # as it is known: a survey takes minutes
    print("\n" + ", ".join(f"{count} {what}" for what, count in summary(rows).items()))


if __name__ == "__main__":
    main()
