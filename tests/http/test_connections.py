"""What connections to servers have in common: addresses, keys, waits."""

from __future__ import annotations

import pytest

from magpie.errors import UserError
from magpie.http.connections import api_key, client, server_root


@pytest.mark.parametrize("url", ["http://there:8000", "http://there:8000/v1", " http://there:8000/v1/ "])
def test_an_address_may_end_in_v1(url: str) -> None:
    assert server_root(url, "setting", "http://here") == "http://there:8000"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("there:8000", "setting 'there:8000': expected http:// or https://, as in http://here"),
        ("http://", "expected http:// or https://"),
        ("http://the re", "expected http:// or https://"),
        ("http://there:port", "is no URL"),
        ("http://me:hidden@there:8000", "setting for there:8000: holds a name or a password"),
        ("me:hidden@there:8000", "setting for there:8000: holds a name or a password"),
        ("ftp://me:hidden@there", "setting for there: holds a name or a password"),
        ("http://there/v1?key=hidden", "ends with ? or #"),
    ],
)
def test_what_is_no_address_is_told_without_a_secret(url: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        server_root(url, "setting", "http://here")
    assert told in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "two words", "n\u00f6"])
def test_a_variable_without_a_key_is_named_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", value)
    with pytest.raises(UserError, match=r"SOME_KEY, named by setting, holds no API key") as caught:
        api_key("SOME_KEY", "setting", "http://here")
    assert not value or value not in str(caught.value)


def test_the_key_goes_to_its_own_host_alone() -> None:
    with client("http://127.0.0.1:1", "word", 2, 1.0, 1.0) as made:
        assert made.headers["Authorization"] == "Bearer word"
        assert not made.follow_redirects
