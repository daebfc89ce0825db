from collections import Counter
from random import Random

import pytest

from fledgling.chat import END, START, document
from fledgling.corpus import (
    DOMAINS,
    SECOND_TURN,
    SYSTEM_DOMAIN,
    SYSTEM_GENERIC,
    Conversation,
    conversations,
    mix,
    user_prompts,
)
from fledgling.families import BY_NAME, FAMILIES
from fledgling.surface import CLOSERS, OPENERS, dress, undress

COUNT = 4000


@pytest.fixture(scope="module")
def corpus() -> list[Conversation]:
    return list(conversations(0, COUNT))


def test_the_same_seed_gives_the_same_corpus_and_another_seed_another(corpus: list[Conversation]) -> None:
    assert list(conversations(0, COUNT)) == corpus
    assert list(conversations(1, COUNT)) != corpus


def test_a_longer_corpus_begins_with_the_shorter_one(corpus: list[Conversation]) -> None:
    assert list(conversations(0, 100)) == corpus[:100]


def test_the_mix_adds_up_to_one_and_the_corpus_follows_it(corpus: list[Conversation]) -> None:
    assert sum(mix().values()) == pytest.approx(1)
    free = [one.turns[0].family for one in corpus if one.system is None]
    found = Counter(free)
    for name, wanted in mix().items():
        assert found[name] / len(free) == pytest.approx(wanted, abs=5 * (wanted / len(free)) ** 0.5)


def test_second_turns_and_system_prompts_have_their_share(corpus: list[Conversation]) -> None:
    assert sum(len(one.turns) == 2 for one in corpus) / COUNT == pytest.approx(SECOND_TURN, abs=0.04)
    with_system = sum(one.system is not None for one in corpus) / COUNT
    assert with_system == pytest.approx(SYSTEM_DOMAIN + SYSTEM_GENERIC, abs=0.04)


def test_under_a_domain_prompt_the_first_question_belongs_to_the_domain(corpus: list[Conversation]) -> None:
    families = {prompt: domain.families for domain in DOMAINS.values() for prompt in domain.prompts}
    for one in corpus:
        if one.system in families:
            assert one.turns[0].family in families[one.system]


def test_domains_name_families_that_exist_and_no_prompt_twice() -> None:
    assert all(name in BY_NAME for domain in DOMAINS.values() for name in domain.families)
    prompts = [prompt for domain in DOMAINS.values() for prompt in domain.prompts]
    assert len(set(prompts)) == len(prompts)


def test_prompts_of_a_corpus_are_mostly_distinct(corpus: list[Conversation]) -> None:
    turns = [turn.prompt for one in corpus for turn in one.turns if turn.family]
    assert len(set(turns)) / len(turns) > 0.9
    assert set(turns) <= user_prompts(0, COUNT)


def test_documents_close_every_message_and_hold_no_empty_one(corpus: list[Conversation]) -> None:
    for one in corpus:
        text = document(one)
        assert text.count(START) == text.count(END) == 2 * len(one.turns) + (one.system is not None)
        assert text.endswith(f"{END}\n<|endoftext|>")
        assert all(turn.prompt.strip() == turn.prompt and turn.reply for turn in one.turns)


def test_undressing_takes_off_what_dressing_puts_on() -> None:
    rng = Random(0)
    seen = {dress("Name three birds.", rng) for _ in range(60_000)}
    assert len(seen) == (len(OPENERS) + 1) * (len(CLOSERS) + 1)
    assert {undress(text) for text in seen} == {"Name three birds."}


def test_every_family_can_be_asked_for() -> None:
    assert set(mix()) == {family.name for family in FAMILIES}
    assert min(mix().values()) > 0.01
