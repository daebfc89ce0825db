"""Every function of magpie over text of a model, a server, a dataset or a stranger's recipe, as a function of one text.

What a function needs beside the text is built here, once.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import orjson
import pyarrow as pa
from rich.console import Console

from magpie.cli.show import conversations
from magpie.embedders import server_answers as embedding_answers
from magpie.embedders.hashing import features
from magpie.engines.child.log import ChildLog, telling
from magpie.engines.json_grammar import UnknownSchema, json_grammar
from magpie.engines.llamacpp.engine import _reason
from magpie.engines.server import quirks
from magpie.engines.server.dialects import make_dialect
from magpie.engines.server.facts import Found, facts_of
from magpie.engines.server.info import Facts
from magpie.engines.server.inspection import read_metrics
from magpie.engines.server.wire import error_body
from magpie.engines.stops import StopStrings
from magpie.engines.vllm import errors as vllm_errors
from magpie.errors import MagpieError, RequestFailed
from magpie.evaluate.files import style_of as evaluated_style
from magpie.export.card import published
from magpie.export.options import Options
from magpie.export.shapes import SHAPES as FORMATS
from magpie.export.trainers import TRAINERS
from magpie.http.answers import Garbled, error_message, error_text, names_the_length
from magpie.http.answers import shown as shown_value
from magpie.http.endpoints import Endpoint, Key, read_url, split_url
from magpie.imports.containers import documents
from magpie.imports.folders import splits_of
from magpie.imports.shapes import shape
from magpie.layout import naming
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.modelfiles.vocabulary import scored_bpe
from magpie.plan.load import parse
from magpie.plan.registry import column_map
from magpie.report import topics
from magpie.report.page import diff
from magpie.report.page import words as report_words
from magpie.report.page.pictures import kept_bars
from magpie.runs.objects import layout, store
from magpie.safe import markdown
from magpie.safe.keys import host_of, read_allowance
from magpie.safe.normal_forms import nfc, nfkc
from magpie.safe.redaction import one_line, redact
from magpie.safe.terminal import visible
from magpie.seams import Choice, Completion, Logprob, Message, Messages, Prompt, Request, SamplingParams, Text, Tokens
from magpie.settings.engines import Server as ServerSettings
from magpie.stages.choose.work import by_majority
from magpie.stages.decontaminate.benchmarks import Source, read_prompts
from magpie.stages.decontaminate.work import Overlap, find_overlaps, make_index
from magpie.stages.dedup.sketches import Shape, Sketches
from magpie.stages.follow_up.farewell import is_farewell
from magpie.stages.follow_up.work import _bare, _fitting
from magpie.stages.instruct.mix import filled, placeholders
from magpie.stages.instruct.settings import Variant
from magpie.stages.instruct.work import why_not_user
from magpie.stages.judging.labels import CATEGORIES, QUALITIES
from magpie.stages.judging.letters import judge_prompt
from magpie.stages.judging.objects import find_objects
from magpie.stages.judging.prompts import package_prompt
from magpie.stages.judging.replies import read
from magpie.stages.judging.verdicts import read_grade, read_verdict
from magpie.stages.respond.work import Responder
from magpie.stages.reward.agreement import agreements
from magpie.stages.safety import build as building_safety
from magpie.stages.safety.styles import STYLES, read_letter
from magpie.stages.sanitize.pieces import numbered, pieces
from magpie.stages.sanitize.work import read_named
from magpie.stages.screen import work as screen
from magpie.stages.screen.language import readable
from magpie.stages.screen.pii import KINDS, find_pii
from magpie.stages.screen.refusals import is_refusal
from magpie.stages.screen_responses.work import screen_responses
from magpie.stages.select import building as selection_building
from magpie.stages.select import patterns
from magpie.stages.tag.questions import NAMES, question
from magpie.stages.text.answers import Answer, final_answer, normalised
from magpie.stages.text.differences import differences
from magpie.stages.text.equal_answers import mathematics
from magpie.stages.text.reasoning import Thoughts, leaks, part
from magpie.stages.text.words import between_words, level, words, words_and_signs
from magpie.templates import derive, ends, supervised, survey, thinking
from magpie.templates.chat import Around
from magpie.templates.chat import _words as words_around
from magpie.templates.defaults import kind_of_default
from magpie.templates.earlier_rules import EARLIER_RULES
from magpie.templates.marks import between_marks
from magpie.templates.sanitize import RULES, sanitize
from magpie.templates.text_structure import (
    holds_request,
    is_command,
    is_complete,
    is_request,
    lacks_material,
    mentions_answers,
)
from tests.export.records import all_records

Call = Callable[[str], object]
REFUSALS = (MagpieError, Garbled, UnknownSchema, ValueError)
"""What a text may be refused with."""

MODEL = open_model(find_model("fledgling"))
CHAT = derive(MODEL)
SAMPLING = SamplingParams(max_tokens=1 << 20, stop=("\n\n\nSTOP", "<|im_end|>"))
RULES_OF_SCREEN = screen.Rules(1, 1 << 20, True, True, True, True, True, 0.5, 50.0)
TAGS, OPENED, UNKNOWN = (Thoughts("<think>", "</think>", opened) for opened in (False, True, None))
CHANNELS = Thoughts("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>")
LETTERS = read_letter({"A": "safe", "B": "violence"})
OPENED_BY = Around(("<|channel|>final<|message|>",), ("final",), "<|end|>", "end")
OVERLAP = Overlap(ngram=4)
INDEX = make_index({"one": ["word word word word word", "a a a a a a", "the answer is a"]}, OVERLAP)
OPTIONS = Options(system=True, reasoning="inside")
SERVER = Found(Endpoint(read_url("http://localhost:1"), Key(None), None, None), None, "text")


def every(*calls: Call) -> Call:
    """Several functions of a text as one."""
    return lambda text: [call(text) for call in calls]


# -- models -----------------------------------------------------------------------------------------------------------


def completion(text: str) -> Completion:
    return Completion(text, (), "stop", 1, 1)


def sure(text: str) -> Completion:
    """A verdict behind the text, with a probability for each of its pieces."""
    text += "Harmful response: yes<score>yes"
    pieces = [text[at : at + 20] for at in range(0, len(text), 20)]
    return Completion(text, (), "stop", 1, 1, logprobs=tuple((Logprob(0, piece, -0.1),) for piece in pieces))


def guarded(text: str) -> object:
    return [style.read(completion(text), answered) for style in STYLES.values() for answered in (True, False)]


def guarded_surely(text: str) -> object:
    told = sure(text)
    return [style.read(told, True) for style in STYLES.values()], LETTERS(told, True)


def style_of(text: str) -> object:
    """Which guard it is whose chat template is the text."""
    model: Any = SimpleNamespace(use=SimpleNamespace(name="m"), source=text)
    return building_safety._style(model)


def refused_prompt(text: str) -> object:
    """What is made of an engine's words on a prompt that it cannot take."""

    def asking() -> Any:
        yield Request(Text(""), SAMPLING)

    fitting = _fitting(asking())
    next(fitting)
    try:
        return fitting.throw(RequestFailed(text))
    except Exception as error:
        return error


# -- servers ----------------------------------------------------------------------------------------------------------


def streamed(text: str, key: str) -> bytes:
    """An answer in pieces."""
    pieces = [text[at : at + 100] for at in range(0, len(text), 100)]
    said: list[dict[str, Any]] = [{"choices": [_choice(piece, key)]} for piece in pieces]
    said.append({"choices": [{**_choice("", key), "finish_reason": "stop"}], "usage": {"completion_tokens": 5}})
    return b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in said) + b"data: [DONE]\n\n"


def _choice(piece: str, key: str) -> dict[str, Any]:
    inside: dict[str, Any] = {"delta": {"content": piece}} if key == "delta" else {"text": piece}
    return {**inside, "token_ids": [300 + len(piece)] * 3, "finish_reason": None}


def ollama(text: str) -> bytes:
    pieces = [text[at : at + 100] for at in range(0, len(text), 100)]
    said = [{"response": piece, "done": False} for piece in pieces]
    return b"".join(orjson.dumps(one) + b"\n" for one in (*said, {"done": True, "done_reason": "stop"}))


def llamacpp(text: str) -> bytes:
    return orjson.dumps({"content": text, "tokens": [300] * (len(text) // 4), "stop_type": "eos"})


def sglang(text: str) -> bytes:
    meta = {"finish_reason": {"type": "stop", "matched": text}}
    return orjson.dumps({"text": text, "output_ids": [300] * (len(text) // 4), "meta_info": meta})


def answered(api: str, prompt: Prompt, body: Callable[[str], bytes]) -> Call:
    dialect = make_dialect(Facts(api, "m", 1 << 30), MODEL.tokenizer)
    request = Request(prompt, SAMPLING)
    return lambda text: dialect.read(request, body(text))


def choice_of(text: str) -> object:
    """A choice as servers are asked for it."""
    request = Request(Tokens((1,)), SAMPLING, structure=Choice((text,)))
    return [make_dialect(Facts(api, "m", 1 << 30), MODEL.tokenizer).ask(request) for api in ("sglang", "llamacpp")]


def error_of_server(text: str) -> object:
    """What is made of a server's error, be it JSON or not."""
    body, plain = orjson.dumps({"error": {"message": text}}), text.encode()
    bodies = [(error_body(one), error_message(one)) for one in (body, plain)]
    told = [(error_text(one), names_the_length(one), shown_value(one)) for one in (orjson.loads(body), text)]
    return bodies, told, error_text({text: text}), redact(text), one_line(text)


def models_of_server(text: str) -> object:
    found = Found(SERVER.endpoint, {text: {"id": text}, "other": {}}, "text")
    body = json.dumps({"data": [{"id": text}]}).encode()
    return embedding_answers.served_models(body), facts_of(found, ServerSettings(url="http://localhost:1"))


def metrics_of_server(text: str) -> object:
    return read_metrics(f'vllm:cache_config_info{{block_size="{text}"}} 1.0\n{text}\nvllm:{text} {text}')


# -- files and logs ---------------------------------------------------------------------------------------------------


def in_file(name: str, data: Callable[[str], bytes], use: Callable[[Path], object]) -> Call:
    """A function of a file as a function of the text in it."""

    def call(text: str) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.write_bytes(data(text))
            return use(path)

    return call


def as_bytes(text: str) -> bytes:
    """The text as a file may hold it: half of a surrogate pair becomes bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def logged(text: str) -> object:
    log = ChildLog()
    try:
        log.file.write(text.encode())
        log.file.flush()
        return telling(log.lines()), telling([text]), _reason(f"0.1 E {text}\n{text}")
    finally:
        log.close()


def sketched(text: str) -> object:
    with tempfile.TemporaryDirectory() as folder:
        sketches = Sketches(Path(folder), 1, Shape(3, 0.8, True))
        try:
            sketches.add([level(text)])
            return sketches.size(0)
        finally:
            sketches.close()


def vocabulary_with(text: str) -> object:
    return scored_bpe({"<unk>": 0, "a": 1, "aa": 2, text or "b": 3}, [0.0] * 4, "<unk>")


def row_of(text: str) -> dict[str, Any]:
    """A row of a run with the text in every column of a conversation."""
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    return {
        "id": "x", "row": 1, "instruction": text, "messages": messages, "system": text, "reasoning": text,
        "chosen": text, "rejected": text, "drop_reason": text[:100], "dropped_by": "screen", "turns": [],
    }  # fmt: skip


def document_of(text: str) -> dict[str, Any]:
    """A dataset's, with the text wherever one is read."""
    return {
        "conversations": [{"from": "human", "value": text}, {"from": "gpt", "value": text}], "system": text,
        "llama_guard_2": f"unsafe {text}", "id": text, "difficulty": text, "instruct_reward": text, "language": text,
    }  # fmt: skip


def exported(text: str) -> object:
    row = row_of(as_bytes(text).decode("utf-8", "replace"))  # no run holds half of a character
    return all_records(tuple(FORMATS.values()), row, OPTIONS)


def exported_for_trainers(text: str) -> object:
    row = row_of(as_bytes(text).decode("utf-8", "replace"))
    forms = tuple(TRAINERS.values())
    return all_records(forms, row, OPTIONS), [form.files(text[:200], ["train"]) for form in forms]


def recipe_of(text: str) -> object:
    """A part of the text, as the reader of YAML is slow."""
    return parse(json.dumps({"instruct": {"mix": [{"name": "a", "system": text[: len(text) // 4]}]}}), "r")


def shown(text: str) -> object:
    """A part of the text: rich takes thirty microseconds a line."""
    console = Console(file=io.StringIO(), width=80)
    console.print(*conversations([row_of(text[: len(text) // 40])]))
    return console


def reply_reader(name: str) -> Call:
    return partial(read, form=question(name, fast=False).form)


# -- the table --------------------------------------------------------------------------------------------------------

CASES: Final[dict[str, Call]] = {
    # chat templates and what models write around a question
    **{f"sanitize: {name}": rule for name, rule in RULES.items()},
    **{f"sanitize: earlier {name}": rule for name, rule in EARLIER_RULES.items()},
    "sanitize: a request": every(is_complete, is_request, is_command, holds_request, lacks_material, mentions_answers),
    "chat: words of a turn": every(CHAT.user_text, CHAT.assistant_text, lambda text: CHAT.leaks((), text)),
    "chat: bare openings": lambda text: (words_around(text, OPENED_BY), words_around(f"final{text}", OPENED_BY)),
    "chat: between marks": lambda text: between_marks(text, CHAT.added),
    "template: thinking": every(thinking._tags, thinking._open_tags, thinking._tags_around),
    "template: words": lambda text: survey._words(text, CHAT.added),
    "template: marks at the end": lambda text: survey._before_marks(text, len(text), CHAT.added),
    "template: cuts": lambda text: (survey._tag_end(text, len(text) // 2), survey._uncounted([text])),
    "template: stop text": ends._stop_text,
    "template: where an answer begins": lambda text: (
        supervised._last_begun(text[:-1] + "\0", text[1:] + text),
        supervised._behind_words(text + text, {"content": text[1:-1] + "\0"}),
    ),
    "normal forms": every(nfc, nfkc),
    # instructions and responses
    "why_not_user": lambda text: why_not_user(completion(text), text, CHAT, SAMPLING),
    "responder": lambda text: Responder(CHAT, SAMPLING, TAGS).read(completion(text)),
    **{f"reasoning: opened={how.opened}": partial(part, thoughts=how) for how in (TAGS, OPENED, UNKNOWN)},
    "reasoning: channels": lambda text: part(text, CHANNELS),
    "reasoning: leaks": lambda text: (leaks(text, TAGS), leaks(text, CHANNELS)),
    "follow_up: repeats": _bare,
    "follow_up: too long": refused_prompt,
    "follow_up: farewell": is_farewell,
    "template: kind of default": lambda text: (kind_of_default(text), kind_of_default(f"a: {text}")),
    "sanitize: pieces": lambda text: numbered(text, pieces(text) or ()),
    "sanitize: reply": lambda text: read_named(text, 9),
    "sanitize: number": lambda text: read_named(json.dumps({"first": text, "last": text}), 9),
    "mix": lambda text: (placeholders(text), filled(text, {"a": text[:9]})),
    "mix: settings": lambda text: Variant(name="a", system=text),
    "prompts": lambda text: package_prompt("reward/judge_response").render({"instruction": text, "response": text}),
    # what is screened
    "screen: roles": screen.leaks_roles,
    "screen: refusal": is_refusal,
    "screen: no text": screen.is_no_text,
    "screen: colon": screen.ends_in_colon,
    "screen: unfinished": screen.is_unfinished,
    "screen: language": readable,
    **{f"pii: {kind}": partial(find_pii, kinds=(kind,)) for kind in KINDS},
    "words": words,
    "words and signs": words_and_signs,
    "words between": lambda text: between_words(text, 1, 5),
    "words leveled": level,
    "answer: final": final_answer,
    "answer: normalised": normalised,
    "answer: mathematics": lambda text: mathematics(Answer(text, text)),
    # selections, and what is written as Markdown
    "select: pattern": patterns.size,
    "select: set": lambda text: patterns.size(f"[{text}]"),
    "select: file": in_file("selection.sql", as_bytes, lambda path: selection_building._read(str(path))),
    "markdown": every(markdown.fence, markdown.plain, markdown.code),
    "key: allowance": every(read_allowance, lambda text: host_of(f"https://{text}")),
    "server: field": lambda text: list(quirks._first(text)),
    # judges and guards
    "reply": reply_reader("quality"),
    "reply: objects": find_objects,
    "reply: labels": every(QUALITIES.read, CATEGORIES.read),
    "guard": guarded,
    "guard: letter": lambda text: LETTERS(completion(text), True),
    "guard: codes": every(building_safety._CODE_LINE.findall, building_safety._LETTER_LINE.findall),
    "guard: guideline": building_safety._guideline,
    # engines and logs
    "server: models": models_of_server,
    "server: metrics": metrics_of_server,
    "server: address": lambda text: split_url(f"http://{text}", "url", "http://localhost"),
    # datasets, in and out
    "import: conversations": lambda text: shape(document_of(text)),
    "import: alpaca": lambda text: shape({"instruction": text, "input": text, "output": text}),
    "import: pairs": every(
        lambda text: shape({"prompt": text, "chosen": text, "rejected": f"{text}x"}),
        lambda text: shape({"chosen": f"\n\nHuman: {text}", "rejected": f'[{{"role": {text}'}),
    ),
    "import: texts": every(
        lambda text: shape({"text": f"Human: {text}"}),
        lambda text: shape({"instruction": "a", "output": f"<think>{text}</think>{text}", "history": text}),
        lambda text: shape({"messages": f"[{text}]", "data": [text, text], text: text}),
    ),
    "import: columns": lambda text: shape(dict.fromkeys(column_map().columns, text) | {"instruction": "a"}),
    "import: guard": lambda text: shape({"instruction": "a", "llama_guard_2": f"unsafe\n{text}", "uuid": text}),
    "export: formats": exported,
    "card": lambda text: published({"system": text}),
    "evaluate: style": evaluated_style,
    "judge: verdicts": every(lambda text: read_verdict(text, ("A", "B")), read_grade),
    "terminal": visible,
    "report: words on a page": every(report_words.shown, report_words.label, report_words.one_line),
    "differences": lambda text: differences(text, text[::-1], 150),
    "report: diff": lambda text: diff.marked(text, text[::-1]),
    "layout: naming": lambda text: naming.label_topics([text, text], [0, 1]),
    "report: topics": lambda text: topics.distinct([text]),
    "report: a label in a picture": lambda text: kept_bars([{"label": text, "kept": 1}], text),
}
"""Name to a function of one text."""

LIBRARIES: Final[dict[str, Call]] = {
    "chat.next_assistant": lambda text: CHAT.next_assistant((Message("user", text[: len(text) // 4]),)),
    "chat.next_user": lambda text: CHAT.next_user(
        (Message("user", "Why?"), Message("assistant", text[: len(text) // 4]))
    ),
    "tokenizer": lambda text: CHAT.text(CHAT.tokenizer.encode(text[: len(text) // 4])),
    "vocabulary": vocabulary_with,
    "judge_prompt": lambda text: judge_prompt(CHAT, "tag/quality", {"instruction": text[: len(text) // 4]}, room=500),
    "agreement": lambda text: (agreements([text, "x"]), by_majority([text, "x"])),
    "dedup": sketched,
    "decontaminate": lambda text: find_overlaps([text], INDEX),
    "decontaminate: benchmarks": lambda text: make_index({"one": [text]}, OVERLAP),
    "hashing": features,
    "screen: repeats": every(screen.repeated_share, screen.compression),
    "guard: style": style_of,
    "vLLM's errors": lambda text: vllm_errors.explained("m", ValueError(text)),
    "child's log": logged,
    **{f"reply: {name}": reply_reader(name) for name in NAMES[1:]},
    "server: errors": error_of_server,
    "guard: probabilities": guarded_surely,
    "screen: responses": lambda text: screen_responses(
        pa.table({"row": [1], "response": [text]}), RULES_OF_SCREEN, "</think>"
    ),
    "decontaminate: files": in_file(
        "b.jsonl", lambda text: orjson.dumps({"prompt": text}), lambda path: read_prompts(Source("b", path))
    ),
    "server: vllm": answered("vllm", Tokens((1,)), partial(streamed, key="text")),
    "server: text": answered("text", Text("x"), partial(streamed, key="text")),
    "server: chat": answered("chat", Messages(()), partial(streamed, key="delta")),
    "server: ollama": answered("ollama", Text("x"), ollama),
    "server: llama.cpp": answered("llamacpp", Tokens((1,)), llamacpp),
    "server: sglang": answered("sglang", Tokens((1,)), sglang),
    "server: no JSON": answered("vllm", Tokens((1,)), str.encode),
    "server: choice": choice_of,
    "sanitize: all rules": lambda text: sanitize(text, tuple(RULES)),
    "stop strings": lambda text: StopStrings(("STOP", "\n\n"), _characters).cut([*map(ord, text)]),
    "json_grammar": lambda text: json_grammar({"enum": [text]}),
    "import: files": in_file("d.jsonl", lambda text: orjson.dumps({"a": text}), lambda path: list(documents(path))),
    "import: no JSON": in_file("d.jsonl", as_bytes, lambda path: list(documents(path))),
    "import: array": in_file(
        "d.json", lambda text: b'[\n{"a": 1},' + as_bytes(text), lambda path: list(documents(path))
    ),
    "import: rows in objects": in_file(
        "d.json", lambda text: b'{"data": [\n{"a": 1}], ' + as_bytes(text), lambda path: list(documents(path))
    ),
    "import: table": in_file("d.csv", lambda text: b"a,b\n" + as_bytes(text), lambda path: list(documents(path))),
    "import: first line of a table": in_file("d.csv", as_bytes, lambda path: list(documents(path))),
    "import: card": in_file(
        "README.md",
        lambda text: as_bytes(f"---\nconfigs:\n- data_files: {text}\n---\n"),
        lambda path: splits_of(path.parent),
    ),
    "export: trainers": exported_for_trainers,
    "recipe": recipe_of,
    "show": shown,
    "bucket: names": every(layout.is_whole, layout.is_journal, layout.is_urgent, layout.owner_of, layout.segment_of),
    "bucket: errors": lambda text: store._advice(OSError(text)),
}
"""Those in which a library does most of the work, and those that are as others are: a few shapes are enough. Where
the library is slow, a part of the text is too."""


def _characters(ids: Sequence[int]) -> str:
    return "".join(map(chr, ids))
