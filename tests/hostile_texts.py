"""Texts of any length, in the shapes that keep a reader busy whose time grows with the square of what it reads.

A pattern is slow where it starts at many places and reads far from each before it fails. So most shapes are one piece
again and again, between a beginning that something may start at and an end at which it fails.
"""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[int], str]
"""A length in characters to a text of about that length."""


def again(piece: str, before: str = "", after: str = "") -> Shape:
    """`piece` repeated, between `before` and `after`."""

    def text(length: int) -> str:
        inside = max(1, length - len(before) - len(after))
        return before + (piece * (inside // len(piece) + 1))[:inside] + after

    return text


def halves(first: str, second: str, between: str = "") -> Shape:
    """One piece repeated, then another."""
    return lambda length: again(first)(length // 2) + between + again(second)(length // 2)


_PIECES = {
    # white space and line ends
    "line ends": "\n",
    "spaces": " ",
    "tabs": "\t",
    "CRLF": "\r\n",
    "line separators": "\u2028",
    "spaces and line ends": " \n",
    "a letter a line": "a\n",
    "spaces before each letter": "  a",
    "line ends before each letter": "\n\n a",
    "dashes": " -- ",
    # letters, digits and marks
    "one word": "a",
    "words": "word ",
    "capital sentences": "A. ",
    "digits": "7",
    "digits and spaces": "1 ",
    "digits and commas": "1,",
    "thousands": ",111",
    "commas": ",",
    "dots": ".",
    "colons": ":",
    "underlines": "_",
    "number signs": "#",
    "wide letters": "\u6f22",
    "wide letters and kana": "\u304b\u3099",
    "astral letters": "\U0001f600",
    "combining marks": "\u0315\u0300\u0323",
    "marks that decompose": "\u0f73",
    "half-width marks": "\uff9e\u0323",
    "joiners": "\u200d\ufe0f",
    "right to left": "\u202e\u05d0\u202c",
    "control characters": "\x1b[",
    "ligatures": "\ufdfa one word more, ",
    "accents": "e\u0301\u0327",
    # quotes, brackets and code
    "quotes": '"',
    "opening quotes": "\u201c",
    "apostrophes": "'",
    "apostrophes and spaces": " '",
    "backticks": "`",
    "fences": "```\n",
    "fences and spaces": "```  ",
    "backslashes": "\\",
    "braces": "{",
    "brackets": "[",
    "parentheses": "(",
    "objects in objects": '{"1":',
    "lists in objects": '{"a":[',
    "objects side by side": '{"a":1}',
    "escaped quotes": '\\"',
    "comments": "/*",
    "line comments": '"#',
    "bare keys": "{a: ",
    "open placeholders": "{a",
    "less-than signs": "<",
    "open tags": "<a",
    "tags": "<a>",
    "entities": "&amp;",
    # what models write around an answer
    "think": "<think>",
    "end of think": "</think>",
    "empty thoughts": "<think></think>",
    "thoughts and spaces": "<think>a</think> ",
    "channels": "<|channel|>",
    "named channels": "<|channel|>a ",
    "messages in channels": "<|channel|>a<|message|>b",
    "special tokens": "<|im_start|>",
    "assistant": "assistant\n",
    "assistant with a colon": "\nAssistant: ",
    "answers": "\nAnswer: ",
    "answer after answer": "answer ",
    "the answer is": "the answer is ",
    "headings": "## Task 1\n",
    "boxes": "\\boxed{",
    "open fractions": "\\frac{",
    "quality": "\nquality ",
    "quality with a colon": "\nQuality: good",
    "scores": "<score> ",
    "codes": "S1,",
    "thanks": "thanks for ",
    "data lines": "data: \n\n",
    "errors": "Error",
    # what looks like personal data
    "e-mail addresses": "a@a.a@",
    "labels of a domain": "a.",
    "e-mail": " ab.c@example.org",
    "URLs": " https://a.b/c",
    "at signs": "@",
    "IBAN-like": "DE12 ABCD ",
    "IPv4": "v 8.8.8.8 ",
    "IPv6": "a:",
    "phone": " +49 30 1234567",
    "phone-like": "+12 34 56 78 90 ",
    "cards": "4111 1111 ",
}
SHAPES: dict[str, Shape] = {name: again(piece) for name, piece in _PIECES.items()}
"""Name to text."""

SHAPES |= {
    "line ends inside": again("\n", "Why?", "x"),
    "spaces inside": again(" ", "Why?\n", "x"),
    "CRLF inside": again("\r\n", "Why?", "x"),
    "line ends before a role": again("\n", "Why?", "assistant x"),
    "spaces after a label": again(" ", "\nAnswer", "x"),
    "spaces after a label at the start": again(" ", "Question", "x"),
    "spaces after a heading": again(" ", "\n## ", "x"),
    "spaces after a fence": again(" ", "```", "x"),
    "spaces after a box": again(" ", "\\boxed", "x"),
    "spaces after a number": again(" ", "1", "x"),
    "spaces after an answer": again(" ", "the answer", "x"),
    "spaces after a tag": again(" ", "<score>", "x"),
    "spaces after quality": again(" ", "quality", "x"),
    "digits with a letter": again("1", " ", "x"),
    "decimals with a letter": again("1", "1.", "x"),
    "thousands with a letter": again(",111", "1", "x"),
    "a numeric entity": again("1", "&#", ";"),
    "an open brace": again("a", "{", ""),
    "an open fraction": again("a", "\\frac{a}{", ""),
    "a word after a channel": again("a", "<|channel|>", ""),
    "spaces after a channel": again(" ", "<|channel|>", ""),
    "a long tag": again("think", "<", ""),
    "a long tag that ends": again("reason", "<", ":>"),
    "tags before a word": again("<a> ", "", "x"),
    "an address without an end": again("a.", "a@", "1"),
    "a domain of hyphens": again("-", "a@a", ""),
    "marks after a letter": again("\u0315\u0300\u0323\u0345", "a", ""),
    "words between marks": again("\u0300\u0323", "the answer is a", " good"),
    "non-words before a label": again("*\n", "", "quality x"),
    "letters, then line ends": halves("a", "\n"),
    "line ends, then letters": halves("\n", "a", "user"),
    "spaces, then a colon": halves(" ", "a", ":"),
    "open, then closed": halves("[", "]"),
    "think, then its end": halves("<think>", "</think>"),
    "channels, then an end": halves("<|channel|>a<|message|>", "b", "<|end|>"),
    "choices, then answers": halves("A)", "; answer: ", ".\nx"),
    "sentences, then solutions": halves("Is a b? ", "; solution: ", "\nx"),
    "objects, then their end": halves('{"1":', "}", "1"),
}

FEW = (
    "line ends inside", "spaces", "one word", "words", "errors", "capital sentences", "combining marks", "wide letters",
    "braces", "brackets", "quotes", "end of think", "data lines", "objects, then their end", "special tokens",
)  # fmt: skip
"""Names of those that are enough where a library does the work."""
