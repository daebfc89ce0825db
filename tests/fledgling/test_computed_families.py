"""Families that compute, against a second way to the same answer: the calendar, the clock, Python's own max and sum."""

import re
from datetime import date, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest

from fledgling.families import BY_NAME, recognise
from fledgling.family import Slots
from fledgling.words import DAYS

DRAWS = 300


def turns(name: str) -> list[tuple[Slots, str]]:
    family, rng = BY_NAME[name], Random(1)
    drawn = [family.draw(rng) for _ in range(DRAWS)]
    return [(slots, family.reply(slots, rng)) for slots in drawn]


def last_number(text: str) -> Fraction:
    return Fraction(re.findall(r"\d+(?:\.\d+)?", text)[-1])


def listed(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def test_the_day_of_an_event_is_the_calendars() -> None:
    monday = date(2024, 1, 1)
    for slots, reply in turns("weekday"):
        day = monday + timedelta(days=DAYS.index(slots["day"]) + int(slots["n"]))
        assert reply.endswith(f"is on {day:%A}."), (slots, reply)


def test_a_train_arrives_when_the_clock_says() -> None:
    for slots, reply in turns("arrival"):
        left = datetime.strptime(slots["time"], "%H:%M")
        arrival = left + timedelta(minutes=int(slots["n"]))
        assert reply.endswith(f"at {(arrival.hour - 1) % 12 + 1}:{arrival.minute:02d}."), (slots, reply)


def test_totals_and_averages_are_pythons() -> None:
    for slots, reply in turns("total"):
        assert last_number(reply) == sum(listed(slots["numbers"]))
    for slots, reply in turns("average"):
        assert last_number(reply) == Fraction(int(slots["x"]) + int(slots["y"]), 2)


def test_rounding_goes_to_the_nearest_and_halves_go_up() -> None:
    for slots, reply in turns("round"):
        size = {"ten": 10, "hundred": 100}[slots["place"]]
        assert last_number(reply) == (int(slots["n"]) + size // 2) // size * size, (slots, reply)


def test_area_and_perimeter_are_pythons() -> None:
    for slots, reply in turns("rectangle"):
        w, h = int(slots["w"]), int(slots["h"])
        assert last_number(reply) == (w * h if slots["size"] == "area" else 2 * (w + h)), (slots, reply)


def test_a_change_between_months_has_its_direction_and_size() -> None:
    for slots, reply in turns("trend"):
        x, y = int(slots["x"]), int(slots["y"])
        assert reply.endswith(f"{'rose' if y > x else 'fell'} by {abs(y - x)}."), (slots, reply)


def test_a_budget_spends_all_of_the_money() -> None:
    for slots, reply in turns("budget"):
        assert sum(int(n) for n in re.findall(r"= (\d+) dollars", reply)) == int(slots["n"])


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("What is 5 - 0?", "arithmetic"),
        ("What is 5 - 9?", None),
        ("What is 0 plus 0?", "arithmetic"),
        ("What is 100% of 250?", "percent"),
        ("What is 15% of 250?", None),
        ("Round 300 to the nearest hundred.", "round"),
        ("Convert 3 hours to grams.", None),
        ("Convert 3 hours to minutes.", "units"),
        ("The train to Paris leaves at 12:55 and takes 70 minutes. When does it arrive?", "arrival"),
        ("The train to Paris leaves at 13:75 and takes 70 minutes. When does it arrive?", None),
    ],
)
def test_what_makes_sense_is_a_task_and_what_does_not_is_none(prompt: str, name: str | None) -> None:
    found = recognise(prompt)
    assert (found[0].name if found else None) == name
    if found:
        assert found[0].is_right(found[1], found[0].reply(found[1], Random(0)))
