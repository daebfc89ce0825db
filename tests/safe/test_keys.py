"""Hosts as an allowance names them, and what is refused where a key is read."""

from __future__ import annotations

import pytest

from magpie.embedders.server import open_server
from magpie.errors import UserError
from magpie.safe.keys import (
    NO_HOST,
    KeyNotAllowed,
    KeyUse,
    allow,
    host_of,
    keys_withheld,
    may_send,
    not_allowed,
    note_asked,
    read_allowance,
)
from magpie.settings.embedders import EmbeddingServer


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://API.example.com/v1", "api.example.com"),
        ("https://api.example.com:443", "api.example.com"),
        ("https://api.example.com:80", "api.example.com:80"),
        ("http://api.example.com", "http://api.example.com"),
        ("http://api.example.com:80/v1", "http://api.example.com"),
        ("http://api.example.com:443", "http://api.example.com:443"),
        ("http://localhost:8000/v1", "localhost:8000"),
        ("https://localhost:8000", "localhost:8000"),
        ("https://localhost", "localhost:443"),
        ("http://localhost", "localhost:80"),
        ("http://localhost:443", "localhost:443"),
        ("http://127.0.0.2:8000", "127.0.0.2:8000"),
        ("http://localhost.example:8000", "http://localhost.example:8000"),
        ("http://[::1]:8000/v1", "[::1]:8000"),
        ("http://[fd00::1]:8000/v1", "http://[fd00::1]:8000"),
        ("https://api.example.com@evil.example/v1", "evil.example"),
        ("https://evil.example/?@api.example.com", "evil.example"),
    ],
)
def test_a_host_is_named_with_its_port_unless_that_is_the_usual_one_and_with_http_where_others_can_read_along(
    url: str, host: str
) -> None:
    assert host_of(url) == host
    assert read_allowance(f"KEY@{host}") == KeyUse("KEY", host)


@pytest.mark.parametrize("other", ["http://api.example.com", "http://api.example.com:443", "http://api.example.com:80"])
def test_an_allowance_for_https_sends_no_key_in_plain_text(other: str) -> None:
    note_asked([KeyUse("PLAIN_KEY", host_of(other))])
    allow([read_allowance("PLAIN_KEY@api.example.com"), read_allowance("PLAIN_KEY@api.example.com:443")])
    with pytest.raises(KeyNotAllowed, match=r"add --allow-key PLAIN_KEY@http://api\.example\.com"):
        may_send("PLAIN_KEY", [other])


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("API.example.com:443", "api.example.com"),
        ("https://api.example.com", "api.example.com"),
        ("HTTP://gpu-box:80", "http://gpu-box"),
    ],
)
def test_an_allowance_may_be_written_as_a_url(written: str, host: str) -> None:
    assert read_allowance(f"KEY@{written}") == KeyUse("KEY", host)


@pytest.mark.parametrize(
    "url",
    [
        *("http://[::1/v1", "http://host:port", "http://[v1.x]:99999999", "localhost:8000/v1", "ftp://host", ""),
        *("http://me:hunter2@host:99999/v1", "https://me:hunter2@[::1/v1"),
    ],
)
def test_what_is_no_url_is_no_host_that_could_be_allowed_and_none_of_it_is_repeated(url: str) -> None:
    assert host_of(url) == NO_HOST
    with pytest.raises(UserError):
        read_allowance(f"KEY@{NO_HOST}")
    refused = str(KeyNotAllowed([KeyUse("KEY", host_of(url))]))
    assert "hunter2" not in refused
    assert "--allow-key" not in refused


def test_a_key_that_a_file_asks_for_is_refused_until_it_is_allowed_for_every_address() -> None:
    urls = ["https://a.example", "https://b.example"]
    assert may_send("KEY", urls), "nobody asked for it in a file"
    note_asked(KeyUse("KEY", host_of(url)) for url in urls)
    allow([KeyUse("KEY", "a.example"), KeyUse("OTHER", "b.example")])
    with pytest.raises(KeyNotAllowed, match=r"add --allow-key KEY@b\.example$"):
        may_send("KEY", urls)
    assert not_allowed([KeyUse("KEY", "b.example")] * 2) == [KeyUse("KEY", "b.example")]
    allow([KeyUse("KEY", "b.example")])
    assert may_send("KEY", urls)


def test_the_reading_of_a_key_is_where_it_is_refused_whatever_path_led_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_KEY", "word")
    note_asked([KeyUse("EMBED_KEY", "localhost:1")])
    asked = EmbeddingServer(url="http://localhost:1", api_key_env="EMBED_KEY", connect_seconds=1.0)
    with pytest.raises(KeyNotAllowed), open_server(asked):
        pass
    with keys_withheld(), pytest.raises(UserError, match="gives no answer"), open_server(asked):
        pass


def test_a_name_of_a_host_cannot_forge_the_line_that_is_printed() -> None:
    refused = str(KeyNotAllowed([KeyUse("KEY", "a; rm -rf ~\n")]))
    assert "\n" not in refused
    assert "--allow-key $'KEY@a; rm -rf ~\\n'" in refused
