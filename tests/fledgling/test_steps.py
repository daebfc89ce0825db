import re
from operator import add, mul, sub

from fledgling.steps import add_steps, last_number, multiply_steps, subtract_steps

OPERATIONS = {"+": add, "-": sub, "*": mul}


def equations_hold(text: str) -> bool:
    """Whether every `a op b = c` in the text is true, and there is one."""
    found = re.findall(r"(\d+) ([-+*]) (\d+) = (\d+)", text)
    return bool(found) and all(OPERATIONS[op](int(a), int(b)) == int(c) for a, op, b, c in found)


def test_steps_of_every_small_sum_hold_and_end_with_the_sum() -> None:
    for a in range(1, 200):
        for b in range(1, 100):
            steps = add_steps(a, b)
            assert equations_hold(steps), steps
            assert last_number(steps) == a + b


def test_steps_of_every_small_difference_hold_and_end_with_the_difference() -> None:
    for a in range(1, 100):
        for b in range(a + 1):
            steps = subtract_steps(a, b)
            assert equations_hold(steps), steps
            assert last_number(steps) == a - b


def test_steps_of_every_small_product_hold_and_end_with_the_product() -> None:
    for a in range(1, 100):
        for b in range(2, 61):
            steps = multiply_steps(a, b)
            assert equations_hold(steps), steps
            assert last_number(steps) == a * b


def test_the_last_number_of_a_text_without_one_is_none() -> None:
    assert last_number("three birds") is None
