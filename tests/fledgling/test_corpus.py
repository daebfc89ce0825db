from collections import Counter

import pytest

from fledgling.chat import END, START, document, segments
from fledgling.conversation import Conversation, Turn
from fledgling.corpus import (
    FOLLOW_UP,
    JUDGE,
    SECOND_TURN,
    SMALL_TALK,
    SMALL_TALK_REPLIES,
    SYSTEM_DOMAIN,
    SYSTEM_GENERIC,
    SYSTEM_PERSONA,
    conversations,
    mix,
)
from fledgling.families import BY_NAME
from fledgling.imperfect import ANY_BY_NAME, REPEATED, as_asked, recognise_any

COUNT = 6000


@pytest.fixture(scope="module")
def corpus() -> list[Conversation]:
    return list(conversations(0, COUNT))


@pytest.fixture(scope="module")
def chats(corpus: list[Conversation]) -> list[Conversation]:
    return [one for one in corpus if one.kind == "chat"]


def test_the_same_seed_gives_the_same_corpus_and_another_seed_another(corpus: list[Conversation]) -> None:
    assert list(conversations(0, 500)) == corpus[:500]
    assert list(conversations(1, 500)) != corpus[:500]


def test_the_mix_adds_up_to_one_and_the_corpus_follows_it(chats: list[Conversation]) -> None:
    assert sum(mix().values()) == pytest.approx(1)
    free = [one.turns[0].family for one in chats if one.system is None]
    found = Counter(free)
    for name, wanted in mix().items():
        assert found[name] / len(free) == pytest.approx(wanted, abs=5 * (wanted / len(free)) ** 0.5)


def test_every_family_is_in_the_mix_and_none_is_rare() -> None:
    assert set(mix()) == set(ANY_BY_NAME)
    assert min(mix().values()) > 0.005


def test_judges_system_prompts_and_second_turns_have_their_share(
    corpus: list[Conversation], chats: list[Conversation]
) -> None:
    assert len(chats) / len(corpus) == pytest.approx(1 - JUDGE, abs=0.03)
    with_system = sum(one.system is not None for one in chats) / len(chats)
    assert with_system == pytest.approx(SYSTEM_DOMAIN + SYSTEM_PERSONA + SYSTEM_GENERIC, abs=0.03)
    assert sum(len(one.turns) > 1 for one in chats) / len(chats) == pytest.approx(SECOND_TURN, abs=0.03)


def test_second_turns_follow_up_wherever_the_family_has_follow_ups(chats: list[Conversation]) -> None:
    talk = SMALL_TALK_REPLIES
    able, plain = Counter[bool](), Counter[bool]()
    for one in (one for one in chats if len(one.turns) > 1):
        found = recognise_any(one.turns[0].prompt)
        assert found is not None
        has = bool((as_asked(found[1])[0] if found[0] is REPEATED else found[0]).follow_ups)
        (able if has else plain)[one.turns[1].prompt in talk] += 1
    assert able[False] / able.total() == pytest.approx(FOLLOW_UP, abs=0.02)
    assert plain[False] == 0


def test_small_talk_is_in_the_language_of_the_conversation(chats: list[Conversation]) -> None:
    language = {prompt: name for name, pairs in SMALL_TALK.items() for prompt, _ in pairs}
    for one in chats:
        for turn in one.turns[1:]:
            spoken = ANY_BY_NAME[one.turns[0].family or ""].language
            assert language.get(turn.prompt, spoken) == spoken


def test_judge_prompts_are_not_learned_and_everything_else_is(corpus: list[Conversation]) -> None:
    for one in corpus:
        assert all(turn.learned == (one.kind == "chat") for turn in one.turns)
        assert one.kind == "chat" or one.system is None


def test_first_turns_are_recognised_as_the_family_that_asked_them(chats: list[Conversation]) -> None:
    for one in chats[:2000]:
        found = recognise_any(one.turns[0].prompt)
        assert found is not None, one.turns[0].prompt
        family, slots = found
        assert family.name == one.turns[0].family or family is REPEATED, one.turns[0].prompt
        assert family.is_right(slots, one.turns[0].reply)


def test_families_of_other_languages_wear_no_english_dress(chats: list[Conversation]) -> None:
    for turn in (one.turns[0] for one in chats):
        family = ANY_BY_NAME[turn.family or ""]
        assert family.language == "English" or family.recognise(turn.prompt) is not None, turn.prompt


def test_prompts_of_a_corpus_are_mostly_distinct(chats: list[Conversation]) -> None:
    asked = [one.turns[0].prompt for one in chats if one.turns[0].family in BY_NAME]
    assert len(set(asked)) / len(asked) > 0.95


def test_documents_close_every_message_and_hold_no_empty_one(corpus: list[Conversation]) -> None:
    for one in corpus:
        text = document(one)
        assert text.count(START) == text.count(END) == 2 * len(one.turns) + (one.system is not None)
        assert text.endswith(f"{END}\n<|endoftext|>")
        assert all(turn.prompt.strip() == turn.prompt and turn.reply for turn in one.turns)


def test_segments_join_to_the_document_and_say_what_is_learned() -> None:
    one = Conversation("Be kind.", (Turn("a?", "b.", "x", learned=False), Turn("c?", "d.")))
    pieces = segments(one)
    assert "".join(text for text, _ in pieces) == document(one)
    assert [text for text, learned in pieces if not learned] == [f"{START}user\na?{END}\n"]
