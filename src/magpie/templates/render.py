"""Asks the worker process to render chat templates, and turns what goes wrong there into `TemplateError`.

One worker serves the whole process; it is started when first asked and again after a template has ended it.
Knows how to ask and how long to wait; knows nothing of what a template says.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from magpie.errors import TemplateError
from magpie.safe.workers import Worker, WorkerGone

_SCRIPT: Final = Path(__file__).with_name("worker.py")
_ANSWER_SECONDS: Final = 60.0
"""Much longer than the worker gives itself, in processor time, since a busy machine may let it wait. Only a worker that
cannot end itself meets this limit."""
_BUDGET_SECONDS: Final = 2.0
"""Processor seconds that a template may use before it has given its prompts: with one last render, under 5 s."""


_worker = Worker(_SCRIPT, {"do": "inspect", "source": ""}, _ANSWER_SECONDS)
atexit.register(_worker.stop)


class Budget:
    """Processor seconds that a template may still use."""

    def __init__(self, seconds: float = _BUDGET_SECONDS) -> None:
        self.seconds = seconds
        self.left = seconds

    def spend(self, seconds: float) -> None:
        """Raises `TemplateError` when nothing is left."""
        self.left -= seconds
        if self.left < 0:
            raise TemplateError(
                f"the chat template is too slow: {self.seconds - self.left:.1f} s of rendering and not all prompts, "
                f"where {self.seconds:.0f} s are allowed; give template.chat_template a simpler file"
            )


@dataclass(frozen=True)
class Renderer:
    """One chat template, ready to render."""

    source: str
    variables: Mapping[str, Any]
    """What the template sees beside the messages: special tokens, switches."""
    date: str | None = None
    """The day that `strftime_now` says it is, as an ISO date; today where None."""
    unquoted: bool = False
    """Whether the source is a file that a recipe names, which may be any file: errors then quote nothing of it."""
    budget: Budget | None = None
    """What is left of the time to derive prompts in; None once they are derived."""

    def render(self, messages: Sequence[Mapping[str, Any]], prompt: bool, **more: Any) -> str:
        """The text of `messages`, with the generation prompt if asked. Raises `TemplateError`."""
        given = {"tools": None, "documents": None, **self.variables, **more}
        variables = {**given, "messages": list(messages), "add_generation_prompt": prompt}
        text: str = self._ask({"do": "render", "variables": variables, "date": self.date})
        return text

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What can be read off the source without rendering: its variables, needles and options."""
        found: dict[str, Any] = self._ask({"do": "inspect"})
        return found

    def _ask(self, request: Mapping[str, Any]) -> Any:
        try:
            reply = _worker.ask({**request, "source": self.source})
        except WorkerGone:
            raise TemplateError(
                "the chat template did not finish: it ran out of time or memory and was stopped; "
                "expected a template that renders in well under a second: give template.chat_template another file"
            ) from None
        if self.budget is not None:
            self.budget.spend(reply["seconds"])
        if "ok" in reply:
            return reply["ok"]
        raise Refusal(reply["error"], self._told(reply["error"], reply["message"]))

    def _told(self, kind: str, message: str) -> str:
        """What an error may say: of a template that is not to be quoted, where the mistake is and of what kind. Its own
        refusals and the names of its variables are meant to be read."""
        if self.unquoted and " has no " in message:
            return "a value lacks an attribute or an element that is asked of it"
        if not self.unquoted or kind not in ("syntax", "failed", "unsafe"):
            return message
        if kind == "unsafe":
            return "an attribute or a call that the sandbox forbids"
        place = message.partition(":")[0]
        return f"{place} of the file that template.chat_template names" if kind == "syntax" else place


class Refusal(TemplateError):
    """The template raised an error: its own (`refused`), or a mistake in it."""

    def __init__(self, kind: str, message: str) -> None:
        texts = {
            "limit": "the chat template goes beyond what it may use",
            "unsafe": "the chat template reaches for what it may not touch",
            "syntax": "the chat template is not valid Jinja",
            "refused": "the chat template refuses this conversation",
            "failed": "the chat template failed",
        }
        hint = "; give it with template.kwargs" if message.endswith("is undefined") else ""
        super().__init__(f"{texts[kind]}: {message or 'it gave no reason'}{hint}")
        self.kind = kind
        self.message = message
