"""Renders chat templates in a process of its own: a chat template is somebody else's program.

Run as a script. Reads one JSON request a line, answers with one JSON line. Knows Jinja and nothing of magpie, so
that it starts fast and holds nothing worth reaching. A render that takes too long ends the process; so does memory
without end where the system can limit it. Renders as transformers does: trimmed blocks, loop controls,
`{% generation %}`, `tojson` without HTML escapes, `strftime_now`, `raise_exception`.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
import jinja2.exceptions
import jinja2.ext
import jinja2.meta
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox

SECONDS = 2.0
"""The most processor time that one render may take: on a busy machine it may wait much longer for a turn."""
CHARACTERS = 2_000_000
"""The longest text that a template may write."""
MEMORY = 1 << 30
"""The most address space that this process may have, in bytes, where the system can limit it."""


class Generation(jinja2.ext.Extension):
    """`{% generation %}...{% endgeneration %}` marks what the assistant writes; the text is the same without it."""

    tags = {"generation"}  # noqa: RUF012  (Jinja's own interface)

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class TooLong(Exception):
    """The template wrote more than it may."""


def raise_exception(message: Any) -> NoReturn:
    raise jinja2.TemplateError(str(message))


def environment() -> jinja2.Environment:
    found = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    found.filters["tojson"] = to_json
    found.globals["raise_exception"] = raise_exception
    return found


@lru_cache(maxsize=32)
def compiled(source: str) -> jinja2.Template:
    return environment().from_string(source)


def clock(date: str | None) -> Callable[[str], str]:
    """`strftime_now`, pinned to an ISO date where one is given."""
    now = datetime.fromisoformat(date) if date else datetime.now()
    return now.strftime


def render(request: dict[str, Any]) -> str:
    variables = {**request["variables"], "strftime_now": clock(request["date"])}
    written: list[str] = []
    left = CHARACTERS
    for piece in compiled(request["source"]).generate(variables):
        left -= len(piece)
        if left < 0:
            raise TooLong(f"it wrote more than {CHARACTERS:,} characters")
        written.append(piece)
    return "".join(written)


def inspect(source: str) -> dict[str, Any]:
    """The variables that a template asks for, the texts that it looks for in other texts, and its switches' values."""
    tree = environment().parse(source)
    variables = jinja2.meta.find_undeclared_variables(environment().parse(source))  # it folds lists in what it is given
    compared = [text for node in tree.find_all(jinja2.nodes.Compare) for text in _compared(node, variables)]
    looked_for = [
        constant.value
        for holder in (jinja2.nodes.Call, jinja2.nodes.Filter, jinja2.nodes.Test, jinja2.nodes.Assign)
        for node in tree.find_all(holder)
        for part in _examined(node)
        for constant in _constants(part)
    ]
    return {
        "variables": sorted(variables),
        "needles": sorted({text for text in [*looked_for, *compared] if isinstance(text, str)} - {""}),
        "options": [list(pair) for pair in sorted(_options(tree), key=repr)],
    }


def _compared(node: jinja2.nodes.Compare, variables: set[str]) -> list[Any]:
    """Constants that a part of a text may be compared with; a word compared whole, such as a role, is not one.

    `role in ["user", "tool"]` compares whole, as `==` does.
    """
    sides = [node.expr, *(operand.expr for operand in node.ops)]
    if any(isinstance(side, jinja2.nodes.Name) and side.name in variables for side in sides):
        return []
    found = [constant.value for side in sides for constant in _constants(side)]
    lists = jinja2.nodes.List | jinja2.nodes.Tuple
    whole = all(operand.op in ("eq", "ne") or isinstance(operand.expr, lists) for operand in node.ops)
    return [value for value in found if not (whole and isinstance(value, str) and value.isidentifier())]


def _examined(node: jinja2.nodes.Node) -> list[jinja2.nodes.Node]:
    if isinstance(node, jinja2.nodes.Assign):
        return [node.node]
    return [*getattr(node, "args", ())]


def _constants(node: jinja2.nodes.Node) -> list[jinja2.nodes.Const]:
    own = [node] if isinstance(node, jinja2.nodes.Const) else []
    keys = {id(found.arg) for found in node.find_all(jinja2.nodes.Getitem)}
    if isinstance(node, jinja2.nodes.Getitem):
        keys.add(id(node.arg))
    return own + [found for found in node.find_all(jinja2.nodes.Const) if id(found) not in keys]


def _options(tree: jinja2.nodes.Template) -> set[tuple[str, str | int]]:
    """Pairs of a variable and a constant that it is compared with: the values that a switch is known to take."""
    found: set[tuple[str, str | int]] = set()
    for node in tree.find_all(jinja2.nodes.Compare):
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        names = [side.name for side in sides if isinstance(side, jinja2.nodes.Name)]
        values = [constant.value for side in sides for constant in _constants(side)]
        found |= {(name, value) for name in names for value in values if isinstance(value, str | int)}
    return found


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """`ok` and what was asked for, or `error` with the kind and the template's own message."""
    try:
        if request["do"] == "inspect":
            return {"ok": inspect(request["source"])}
        return {"ok": render(request)}
    except (MemoryError, OverflowError):
        return {"error": "limit", "message": "it needs more memory than a chat template may have"}
    except TooLong as error:
        return {"error": "limit", "message": str(error)}
    except RecursionError:
        return {"error": "limit", "message": "it calls itself without end"}
    except jinja2.exceptions.SecurityError as error:
        return {"error": "unsafe", "message": str(error)}
    except jinja2.TemplateSyntaxError as error:
        return {"error": "syntax", "message": f"line {error.lineno}: {error.message}"}
    except Exception as error:  # whatever a stranger's program raises is the answer to the request
        kind = "refused" if isinstance(error, jinja2.TemplateError) else "failed"
        return {"error": kind, "message": f"{error}" if kind == "refused" else f"{type(error).__name__}: {error}"}


def limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        return  # no such limit here: the time limit is what is left


def main() -> None:
    limit_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    for line in sys.stdin.buffer:
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # its default action ends the process, even inside C code
        reply = answer(json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        reply["seconds"] = time.process_time() - started
        reply["message"] = reply.get("message", "")[:500]
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
