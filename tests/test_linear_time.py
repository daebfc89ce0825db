"""Functions over text of a model, a server, a dataset or a stranger's recipe take time in proportion to its length.

The one test that measures time: a ratio of processor times, so that the machine's speed does not matter. A row whose
text keeps a pattern busy holds up the whole run, and again when the run is resumed.
"""

from __future__ import annotations

import ast
import gc
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import magpie
from tests.hostile_texts import FEW, SHAPES, Shape
from tests.text_functions import CASES, LIBRARIES, REFUSALS, Call

SHORT, LONG = 10_000, 100_000
MOST = 30
"""How many times as long ten times the text may take: in proportion is 10, by the square is 100."""
NOTHING = 0.02
"""Processor seconds for the long text, below which no ratio is measured: it says nothing, and hurts nobody."""
TOO_MUCH = 0.5
"""Processor seconds for a tenth of the text or less, from which the long one is not tried: it might never end."""


def spent(call: Call, text: str) -> float:
    """Processor seconds, without those of the garbage collector: it walks through all that the test process holds, the
    more often the more objects a call makes, so that it shows the size of the suite and not the growth of the call."""
    gc.disable()
    begun = time.process_time()
    try:
        with suppress(*REFUSALS):
            call(text)
        return time.process_time() - begun
    finally:
        gc.enable()


def growth(call: Call, shape: Shape) -> float | None:
    """How many times as long the long text takes; None where it takes next to nothing."""
    for length in (100, 1_000):  # what is worse than the square shows here, and would not end further on
        if spent(call, shape(length)) > TOO_MUCH:
            return float("inf")
    short, long = shape(SHORT), shape(LONG)
    first = spent(call, short)
    if first > TOO_MUCH and spent(call, short) > TOO_MUCH:
        return float("inf")
    once = spent(call, long)
    if once < NOTHING:
        return None
    if once < MOST / 2 * first:
        return once / first
    return min(spent(call, long) for _ in range(5)) / min(spent(call, short) for _ in range(5))


@pytest.mark.parametrize("name", [*CASES, *LIBRARIES])
def test_ten_times_the_text_takes_less_than_thirty_times_as_long(name: str) -> None:
    call, shapes = (CASES[name], SHAPES) if name in CASES else (LIBRARIES[name], {one: SHAPES[one] for one in FEW})
    slow = {}
    for shape_name, shape_of in shapes.items():
        found = growth(call, shape_of)
        if found is not None and found >= MOST:
            slow[shape_name] = found
            break  # one is enough, and each may take a minute
    assert slow == {}


# -- nothing is forgotten ---------------------------------------------------------------------------------------------

SAMPLES = (
    "Why?",
    "<think>Hm.</think>Question: what is 1.1.1.1 {a}? a@b.co\n\n## Task 1\nQuality: good, and 12.\nAnswer: 1",
    "\u201cNo harm\u201d S1: x. \u00e9\u0301 safe <a>b</a>\nA. safe\nthe answer is \\frac{1}{2}",
    "Which?\nA) x\nB) y\n\nB) y",
    "Why is it so?\n\nAnswer: it is.\n\nBecause.",
    '{"a": "b", c: \'d \\u0041\'}',
    '{a: "b", "input_quality": "good" "explanation": 1 // 2\n}',
    "\u0315\u0300" * 40
    + "v 8.8.8.8, 4111 1111 1111 1111, DE89370400440532013000, +49 30 1234567, 123-45-6788, 2001:4860:4860::8888",
)
ELSEWHERE = {
    "_answers": "names of variables in a chat template",
    "_check_stage": "names in a run's index, with patterns that are classes of characters",
    "_firsts": "answers of at most 200 characters",
    "_heard": "lines of a log, which are 64 KB in all; their patterns are those of the child's log",
    "_letters": "a prompt that the user wrote; its pattern is in the table (guard: codes)",
    "_is_name": "names in a run's index, with patterns that are classes of characters",
    "_names": "a template's categories; its patterns are in the table (guard: codes, guard: guideline)",
    "_ours": "names of files in a run",
    "_pair": "names of variables in a chat template",
    "_problem": "names in a stage of an installed package, with patterns that are classes of characters",
    "_preference": "names of variables in a chat template",
    "_check_place": "the name of a file that the user typed",
    "_input": "the id of a dataset that the user typed",
    "_only_tags": "what a chat template writes before an answer",
    "_refusal": "the host that a request names, in a head of at most 64 KiB; its pattern has no repetition without end",
    "row_of": "the id of a row that the user typed",
    "address_of": "the address of a run that the user typed",
    "_check_bucket": "an error of a bucket; its pattern is in the table (bucket: errors)",
    "instance": "the name of a stage in a recipe, with a pattern that is a class of characters",
    "is_owner": "the name of a worker's file; its pattern is in the table (bucket: names)",
    "list_journals": "names of files in a run",
    "sweep": "names of files in a run",
    "_split_of": "names of files in a folder, which are 255 bytes at most",
    "_tags_of_empty": "what a chat template writes after a user's words",
    "_turn": "what a chat template writes around a message",
    "_with_keys": "names of columns",
    "_wrappers": "the prompt that a chat template writes",
    "family_of": "the name of a model; patterns of ours without a repetition",
    "is_field_type": "types of columns in a run's index, with a pattern of words and brackets",
    "relation_of": "the path of a run",
    "_written": "special tokens of a vocabulary, each alone",
    "check_name": "the name of a repository, as the user typed it",
    "find": "the name of a model",
    "find_thinking": "names of variables in a chat template",
    "shards": "names of files in a run",
    "vllm_wants_gpu": "the version of a package",
}
"""Functions with a pattern that the table does not reach, and why they need not be there."""


def functions_with_patterns(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the name of each function in a file that runs a regular expression, or a normal form of Unicode."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None
        if any(_calls(node, "re", {"compile"}) for node in ast.walk(statement.value))
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name)
    }
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or any(map(_is_cache, function.decorator_list)):
            continue
        if any(_runs(node, constants) for node in ast.walk(function)):
            yield min([function.lineno, *(one.lineno for one in function.decorator_list)]), function.name


def _is_cache(decorator: ast.expr) -> bool:
    """Whether a function is run once, to build what others run."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(function, ast.Name) and function.id in ("cache", "lru_cache")


def _runs(node: ast.AST, patterns: set[str]) -> bool:
    is_pattern = isinstance(node, ast.Name) and node.id in patterns
    return is_pattern or _calls(node, "unicodedata", {"normalize"}) or _calls(node, "re", SEARCHES)


SEARCHES = {"search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}


def _calls(node: ast.AST, module: str, names: set[str]) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    owner = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id == module and getattr(function, "attr", "") in names


def functions_run() -> set[tuple[str, int]]:
    """File and line of every function of magpie that the table runs."""
    seen = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and "magpie" in frame.f_code.co_filename:
            seen.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    sys.setprofile(note)
    try:
        for call in (*CASES.values(), *LIBRARIES.values()):
            for text in SAMPLES:
                with suppress(*REFUSALS):
                    call(text)
    finally:
        sys.setprofile(None)
    return seen


def test_every_function_that_runs_a_pattern_is_in_the_table_or_named_with_a_reason() -> None:
    run = functions_run()
    root = Path(magpie.__file__).parent
    missing = {
        name: f"{path.relative_to(root)}:{line}"
        for path in root.rglob("*.py")
        for line, name in functions_with_patterns(path)
        if (str(path), line) not in run
    }
    assert {name: place for name, place in missing.items() if name not in ELSEWHERE} == {}
    assert set(ELSEWHERE) <= set(missing), "named as not in the table, and it is"
