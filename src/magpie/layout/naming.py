"""Names of topics: the words that set the texts of each apart from all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log

from magpie.stages.text.words import words

MOST_CHARACTERS = 4000
"""Of a text whose words are counted."""
LABEL_WORDS = 5
APART = 2.0
"""How many times as many of a topic's texts as of all texts have a word that sets the topic apart, at least; of a large
topic half of what is possible."""


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
