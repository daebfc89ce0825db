"""What to ask of a model, a file for each stage. Knows messages and columns; no engine, no file, no other row."""

from magpie.stages.instruct.work import instruct
from magpie.stages.respond.work import respond

__all__ = ["instruct", "respond"]
