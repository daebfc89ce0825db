"""Proves a tokenizer against another one that is known to be right, on text that shows where tokenizers differ.

Knows neither tokenizer: one is asked through the seam, the other is a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from magpie.errors import ModelError
from magpie.seams import Tokenizer

probe_texts: Final[tuple[str, ...]] = (
    "Hello world",
    " Hello  world   three    four",
    "What's the difference? I'm sure they'll say we've won; it'd SAY'S 'Tis DON'T they're",
    "1 12 123 1234 12345 3.14159 1,000,000 2026-11-21 0x1F x2y2 ² ½ Ⅷ ٣٤٥",
    "line one\nline two\n\nline four\n\n\n  indented\n\ttabbed\r\nwindows\r\n\r\n end ",
    "def f(x):\n    if x >= 10:\n        return {'a': [1, 2], \"b\": x ** 2}  # comment\n\n    return None\n",
    "for (int i = 0; i < n; ++i) { a[i] += b->c; } // done\n\t\t/* ... */ && || != === </div>",
    "\\frac{a}{b} = \\sum_{i=1}^{n} x_i^2 $E = mc^2$ **bold** _it_ `code` ### Heading\n- item\n* item\n1. item",
    "中文没有空格。日本語も同じです！한국어는 있습니다. 混合 text 和 English words",
    "Привет, мир! Γειά σου Κόσμε. שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดี",
    "café naïve Zürich œuvre ﬁn Ångström İstanbul ĲSSEL ΣΊΣΥΦΟΣ",
    "😀 👍🏽 👩‍👩‍👧‍👦 🇫🇷 ❤️ ☕ → ← ≤ ≥ ∑ ∞ € £ ¥ © ™ … “quoted” ‘single’ — – •",
    "CamelCaseWord snake_case_word kebab-case SCREAMING HTTPServer2Go iPhone aB Ab AB",
    "e\u0301 combining, zero\u200bwidth, no\u00a0break, ideographic\u3000space, \u202bRTL\u202c, soft\u00adhyphen",
    "https://example.org/path?q=1&r=%20#frag user@example.org ~/a/b.c ../d C:\\dir",
    "!!! ??? ... ,,, ;;; ((( ))) [[[ ]]] {{{ }}} <<< >>> --- ___ *** ### @@@ %%% ^^^ ~~~ ``` |||",
    "hello\n \nworld \n\n  x\n\n\n\n\ny \t z",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "a",
    "  a",
    "a  ",
    "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n",
    "<s>[INST] hello [/INST] there</s> <unk> <pad> <bos><start_of_turn>user\nhi<end_of_turn>\n",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhello<|eot_id|> <|end|> <|endoftext|> x",
    "<think>\nhmm\n</think>\n\nyes <|im_start| > <im_start> < |im_end|> |im_end|",
)
"""Varied text: contractions, digits, runs of spaces, newlines, code, scripts, emoji, special tokens written out."""


def check_tokenizer(tokenizer: Tokenizer, reference: Callable[[str], Sequence[int]]) -> None:
    """Raises `ModelError` with the first text that the two tokenise differently, and both lists of ids."""
    for text in probe_texts:
        ours, theirs = tokenizer.encode(text), list(reference(text))
        if ours != theirs:
            raise ModelError(_disagreement(tokenizer, text, ours, theirs))


def _disagreement(tokenizer: Tokenizer, text: str, ours: Sequence[int], theirs: Sequence[int]) -> str:
    at = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    shown = [[f"{n} {tokenizer.token(n)!r}" for n in ids[at : at + 6]] for ids in (ours, theirs)]
    return (
        f"the tokenizer built from this file is not the model's own: on {text!r} it gives {list(ours)}, and the "
        f"model's engine gives {list(theirs)}; they part at token {at}: {shown[0]} against {shown[1]}. "
        "Give the model's Hugging Face folder instead (tokenizer.json, tokenizer_config.json)"
    )
