"""Words of a sample: topics named by the words that set them apart, n-grams that recur, texts that are said again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import log
from typing import Any

from magpie.report.narrow import Narrow
from magpie.stages.text.words import words

MOST_CHARACTERS = 4000
"""Of a text whose words are counted."""
LABEL_WORDS = 5
COMMON = 0.25
"""The share of texts from which on a word sets no topic apart."""
REPEATED = 10
"""Texts that are told of as the most repeated."""


def label_topics(texts: Sequence[str], topics: Sequence[int]) -> list[list[str]]:
    """The words of each topic with the highest c-TF-IDF (Grootendorst 2022, arXiv 2203.05794): the share of the topic's
    words that are this one, times log(1 + A / f), where f is how often it occurs in all texts and A is the mean number
    of words of a topic. Words of one letter, numbers, and words in more than a quarter of the texts are left out.

    label_topics(["add two and three", "a poem about rain"], [0, 1])
    """
    within: list[Counter[str]] = [Counter() for _ in range(max(topics, default=-1) + 1)]
    texts_with: Counter[str] = Counter()
    for text, topic in zip(texts, topics, strict=True):
        found = [word for word in words(text[:MOST_CHARACTERS]) if _tells(word)]
        within[topic].update(found)
        texts_with.update(set(found))
    common = {word for word, count in texts_with.items() if count > max(1, COMMON * len(texts))}
    overall: Counter[str] = Counter()
    for counter in within:
        overall.update(counter)
    mean = sum(overall.values()) / max(1, len(within))
    return [_best_words(counter, overall, mean, common) for counter in within]


def _tells(word: str) -> bool:
    return word.isalpha() and (len(word) > 1 or ord(word) > 0x2E80)


def _best_words(counter: Counter[str], overall: Mapping[str, int], mean: float, common: set[str]) -> list[str]:
    total = sum(counter.values())
    scores = {
        word: count / total * log(1 + mean / overall[word])
        for word, count in counter.items()
        if word not in common and (count > 1 or total < 50)
    }
    return [word for word, _ in sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:LABEL_WORDS]]


def distinct(texts: Iterable[str]) -> dict[str, Any]:
    """distinct-1 to distinct-4: of all runs of n words in the texts, the share of different ones (Li et al. 2016). It
    falls with the number of words, so that stands beside it."""
    seen: list[set[tuple[str, ...]]] = [set() for _ in range(4)]
    totals = [0, 0, 0, 0]
    for text in texts:
        found = words(text[:MOST_CHARACTERS])
        for n in range(1, 5):
            grams = zip(*(islice(found, start, None) for start in range(n)), strict=False)
            seen[n - 1].update(grams)
            totals[n - 1] += max(0, len(found) - n + 1)
    shares = {f"distinct_{n}": round(len(seen[n - 1]) / totals[n - 1], 4) for n in range(1, 5) if totals[n - 1]}
    return {"words": totals[0], **shares}


def repeated(narrow: Narrow) -> dict[str, Any] | None:
    """Instructions that occur more than once, but for case and outer white space: how many rows repeat an earlier one,
    and those that are said most often."""
    if "text_key" not in narrow.fields:
        return None
    there = "text_key IS NOT NULL AND instruction_chars > 0"
    rows, different = narrow.one(f"SELECT count(*), count(DISTINCT text_key) FROM narrow WHERE {there}")
    groups = narrow.ask(
        f"SELECT min(row), count(*), count(*) FILTER (state = 'kept') FROM narrow WHERE {there} GROUP BY text_key "
        f"HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT {REPEATED}"
    )
    texts = narrow.read(sorted(row for row, *_ in groups), ("id", "instruction"))
    most = [
        {"id": texts[row]["id"], "instruction": texts[row]["instruction"], "rows": count, "kept": kept}
        for row, count, kept in groups
        if row in texts
    ]
    return {"rows": rows, "different": different, "repeating": rows - different, "most": most}
