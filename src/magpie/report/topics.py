"""Words of a sample: topics named by the words that set them apart, n-grams that recur, texts that are said again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from math import log
from typing import Any

from magpie.report.narrow import Narrow
from magpie.stages.text.words import words

MOST_CHARACTERS = 4000
"""Of a text whose words are counted."""
LABEL_WORDS = 5
APART = 2.0
"""How many times as many of a topic's texts as of all texts have a word that sets the topic apart, at least; of a large
topic half of what is possible."""
REPEATED = 10
"""Texts that are told of as the most repeated."""


def label_topics(texts: Sequence[str], topics: Sequence[int]) -> list[list[str]]:
    """The words of each topic with the highest c-TF-IDF (Grootendorst 2022, arXiv 2203.05794): the share of the topic's
    words that are this one, times log(1 + A / f), where f is how often it occurs in all texts and A is the mean number
    of words of a topic. Left out are words of one letter, numbers, and what is not about twice as common in the topic's
    texts as in all: "the" says nothing.

    label_topics(["add two and three", "a poem about rain"], [0, 1])
    """
    counts: list[Counter[str]] = [Counter() for _ in range(max(topics, default=-1) + 1)]
    texts_with: list[Counter[str]] = [Counter() for _ in counts]
    sizes = Counter(topics)
    for text, topic in zip(texts, topics, strict=True):
        found = [word for word in words(text[:MOST_CHARACTERS]) if _tells(word)]
        counts[topic].update(found)
        texts_with[topic].update(set(found))
    overall, everywhere = Counter[str](), Counter[str]()
    for topic, counter in enumerate(counts):
        overall.update(counter)
        everywhere.update(texts_with[topic])
    mean = sum(overall.values()) / max(1, len(counts))
    named = []
    for topic, counter in enumerate(counts):
        total = sum(counter.values())
        apart = min(APART, (1 + len(texts) / max(1, sizes[topic])) / 2)
        scores = {
            word: count / total * log(1 + mean / overall[word])
            for word, count in counter.items()
            if texts_with[topic][word] * len(texts) >= apart * everywhere[word] * sizes[topic]
            and (texts_with[topic][word] > 1 or sizes[topic] < 3)
        }
        named.append([word for word, _ in sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:LABEL_WORDS]])
    return named


def _tells(word: str) -> bool:
    return word.isalpha() and (len(word) > 1 or ord(word) > 0x2E80)


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
