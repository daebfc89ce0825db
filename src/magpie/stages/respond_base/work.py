"""Lets an unaligned model answer an instruction, shown how by a few that are answered (URIAL, Lin et al. 2023, arXiv
2312.01552): what a response is worth beyond that is what alignment gave it (Magpie, Xu et al. 2024).

Whatever it writes is kept: its faults are what is measured. Knows texts; knows no chat template, which it has not.
"""

from __future__ import annotations

from collections.abc import Callable

from magpie.errors import RecipeError
from magpie.seams import Asking, Completion, Prompt, Request, Row, SamplingParams, Tokens
from magpie.stages.judging.prompts import JudgePrompt

_MARK = "an instruction that stands for any other"


def respond_base(
    row: Row, prompt: Callable[[str], Prompt], sampling: SamplingParams, most_tokens: int | None = None
) -> Asking:
    """Sample one response. `prompt` turns the instruction into what the model continues. Null where that leaves no
    room in the model's context (`most_tokens`, where prompts are token ids)."""
    asked = prompt(row["instruction"])
    if most_tokens is not None and isinstance(asked, Tokens) and len(asked.ids) >= most_tokens:
        return {"base_response": None}
    completion: Completion = yield Request(asked, sampling)
    return {"base_response": completion.text.strip()}


def few_shot_text(prompt: JudgePrompt, instruction: str) -> str:
    """What the model continues, up to the line on which the response begins: a template ends without a line end."""
    return prompt.render({"instruction": instruction}).rstrip("\n") + "\n"


def headings(prompt: JudgePrompt) -> tuple[str, str]:
    """The two lines that stand around the instruction, with the line end before them: where the model writes one of
    them, its response is over. Raises `RecipeError` for a prompt without such lines."""
    before, found, after = few_shot_text(prompt, _MARK).partition(_MARK)
    above = [line.strip() for line in before.splitlines() if line.strip()]
    below = [line.strip() for line in after.splitlines() if line.strip()]
    if not found or not above or not below:
        raise RecipeError(
            f"the prompt {prompt.name} needs a line before the instruction and one after it, such as # Instruction and "
            "# Response: they say where a response ends"
        )
    return f"\n{above[-1]}", f"\n{below[-1]}"
