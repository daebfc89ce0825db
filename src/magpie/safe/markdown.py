"""Text inside Markdown: a README that quotes others shows what they wrote and lets none of it be markup."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from magpie.safe.terminal import one_line, visible

_RUN: Final = re.compile(r"`+")
_SYNTAX: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&$])")
_FIRST: Final = re.compile(r"^(\s*)([-+=:]|\d+[.)])")


def fence(text: str, language: str = "") -> str:
    """The text as a block of code, between fences longer than any run of backticks in it; ends with a line end.

    fence("a: 1", "yaml")  # "```yaml\\na: 1\\n```\\n"
    """
    marks = "`" * max(3, 1 + max(map(len, _RUN.findall(text)), default=0))
    shown = visible(text)
    end = "" if shown.endswith("\n") or not shown else "\n"
    return f"{marks}{language}\n{shown}{end}{marks}\n"


def plain(text: object) -> str:
    """The text as words of one paragraph, cell or heading, on one line: nothing in it is a mark, a tag or a link.

    plain("<b> a|b")  # "\\<b\\> a\\|b"
    """
    line = one_line(" ".join(str(text).split()))
    line = _SYNTAX.sub(r"\\\1", line)
    line = _FIRST.sub(lambda found: found[1] + (found[2][:-1] + "\\" + found[2][-1:]), line)
    return re.sub(r"(?i)\b(https?|ftp|mailto|www)([:.])", r"\1&#8203;\2", line)


def code(text: object) -> str:
    """The text as code within a line or a cell.

    code("a`b")  # "`` a`b ``"
    """
    line = one_line(" ".join(str(text).split())).replace("|", "\\|")
    marks = "`" * (1 + max(map(len, _RUN.findall(line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{marks}{pad}{line}{pad}{marks}"


def link(text: object, address: str) -> str:
    """A link to an address of the web.

    link("fledgling", "https://huggingface.co/owner/name")
    """
    return f"[{plain(text)}]({quote(address, safe=':/?#@!&=+,;.-_~%')})"
