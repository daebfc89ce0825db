"""Personal data: what has a form is found, what only looks like it is not."""

from __future__ import annotations

import pytest

from magpie.stages.screen.pii import KINDS, find_pii


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to anna.schmidt@gmail.com today.", "email"),
        ("Écris à élise@société.fr.", "email"),
        ("Call +49 30 1234567.", "phone"),
        ("Call (202) 456-1111.", "phone"),
        ("请打电话 +86 138 0013 8000。", "phone"),
        ("Pay to DE89 3704 0044 0532 0130 00, please.", "iban"),
        ("GB82WEST12345698765432", "iban"),
        ("My card is 4556 7375 8689 9855.", "card"),
        ("5425233430109903", "card"),
        ("The server 8.8.8.8 is down.", "ip"),
        ("Ping 2001:4860:4860::8888.", "ip"),
        ("My number is 536-22-8745.", "us_ssn"),
    ],
)
def test_data_with_a_form_are_found(text: str, kind: str) -> None:
    assert find_pii(text) == [kind]
    assert find_pii(text, [other for other in KINDS if other != kind]) == []


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com and admin@intranet.test",
        "Use @property on the class, or @app.route.",
        "Call 555-0123 or +1 202-555-0143.",
        "DE88 3704 0044 0532 0130 00",
        "4556 7375 8689 9856",
        "192.168.0.1, 127.0.0.1 and 203.0.113.7",
        "Upgrade to version 8.8.8.8",
        "999.999.999.999",
        "123-45-6789 and 000-12-3456",
        "From 1990-05-12 to 2020-10-12, at 12:30:45.",
        "What is 123456789 * 987654321?",
        "1500, 2000, 350000 and 0.12345678901234567",
        "ISBN 978-3-16-148410-0",
        "std::vector<int> and a[1::2]",
        "Pi is 3.14159265358979.",
        "Sort 5 3 8 1 9 2 7 4 6.",
        "",
    ],
)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert find_pii(text) == []


def test_several_kinds_come_in_one_order() -> None:
    assert find_pii("8.8.8.8, +49 30 1234567, anna.schmidt@gmail.com") == ["email", "phone", "ip"]
