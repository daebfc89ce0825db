"""From any tokenizer with a chat template to prompts as token ids: derived, not listed.

`open_model` reads a GGUF file or a Hugging Face folder, `derive` asks its chat template, and the `ChatTemplate` that
comes of it is the `Chat` that stages use. Knows no engine, no run and no recipe.
"""

from __future__ import annotations

from magpie.modelfiles.model import ModelFiles, open_model
from magpie.modelfiles.probe import check_tokenizer, probe_texts
from magpie.templates.adapted import MessagesChat, TextChat
from magpie.templates.chat import ChatTemplate
from magpie.templates.derive import derive
from magpie.templates.families import UNKNOWN, Family, family_of
from magpie.templates.options import OMIT_SYSTEM, TEMPLATE_SYSTEM, Switch, System, TemplateOptions
from magpie.templates.sample import Segment, sample
from magpie.templates.sanitize import sanitize
from magpie.templates.thoughts import ThoughtMarks, thought_marks

__all__ = [
    "OMIT_SYSTEM",
    "TEMPLATE_SYSTEM",
    "UNKNOWN",
    "ChatTemplate",
    "Family",
    "MessagesChat",
    "ModelFiles",
    "Segment",
    "Switch",
    "System",
    "TemplateOptions",
    "TextChat",
    "ThoughtMarks",
    "check_tokenizer",
    "derive",
    "family_of",
    "open_model",
    "probe_texts",
    "sample",
    "sanitize",
    "thought_marks",
]
