from fledgling.slots import between, named, numbers, yours


def test_a_name_is_capitalized_and_names_differ() -> None:
    assert named({"a": "Anna", "b": "Ben"}, "a", "b")
    assert not named({"a": "Anna", "b": "Anna"}, "a", "b")
    assert not named({"a": "anna"}, "a")
    assert not named({"a": "ANNA"}, "a")


def test_a_number_lies_within_its_range_and_has_no_leading_zero() -> None:
    assert between({"n": "5"}, 1, 9, "n")
    assert not between({"n": "10"}, 1, 9, "n")
    assert not between({"n": "05"}, 1, 9, "n")


def test_a_list_of_numbers_is_read_in_its_order() -> None:
    assert numbers({"numbers": "3, 1, 20"}) == [3, 1, 20]


def test_what_is_mine_is_yours_and_only_whole_words_change() -> None:
    assert yours("my son") == "your son"
    assert yours("myself") == "yourself"
    assert yours("call my aunt at our house") == "call your aunt at your house"
    assert yours("your sour hour") == "your sour hour"
