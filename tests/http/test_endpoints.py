"""Addresses of servers and keys, as settings name them."""

from __future__ import annotations

import pytest

from magpie.errors import UserError
from magpie.http.endpoints import read_key, read_url


@pytest.mark.parametrize("url", ["http://there:8000", "http://there:8000/v1", " http://there:8000/v1/ "])
def test_an_address_may_end_in_v1(url: str) -> None:
    assert read_url(url).url("/v1/models") == "http://there:8000/v1/models"


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
        read_url(url, "setting", "http://here")
    assert told in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "told"), [("", "is not set"), ("two words", "holds no API key"), ("n\u00f6", "holds no API key")]
)
def test_a_variable_without_a_key_is_named_and_not_shown(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", value)
    with pytest.raises(UserError, match=rf"SOME_KEY, named by setting, {told}") as caught:
        read_key("SOME_KEY", ["http://here"], "setting")
    assert not value or value not in str(caught.value)
