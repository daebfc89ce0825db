"""No secret in a text that somebody sees, however it is written."""

from __future__ import annotations

import base64
import html
import json
import logging
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magpie.safe import redaction
from magpie.safe.environment import child_environment
from magpie.safe.redaction import RedactingFilter, one_line, redact, register, register_url, register_variable

KEY = "sk-Zq8/1+nev\"er='sh&wn"


WRITTEN = {
    "as it is": KEY,
    "quoted": quote(KEY),
    "quoted to the last": quote(KEY, safe=""),
    "quoted for a form": quote_plus(KEY),
    "quoted in part": KEY.replace("/", "%2f").replace("&", "%26"),
    "quoted twice": quote(quote(KEY, safe=""), safe=""),
    "as JSON": json.dumps(KEY),
    "as JSON in JSON": json.dumps(json.dumps(KEY)),
    "as Python": repr(KEY),
    "as HTML": html.escape(KEY),
    "with unicode escapes": "".join(f"\\u{ord(one):04x}" for one in KEY),
    "with hexadecimal escapes": "".join(f"\\x{ord(one):02X}" for one in KEY),
    "with references": "".join(f"&#{ord(one)};" for one in KEY),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_key_is_replaced_however_it_is_written(written: str) -> None:
    register(KEY)
    told = redact(f"no such key: {WRITTEN[written]}, try another")
    assert told.replace('"', "").replace("\\", "").replace("'", "") == "no such key: ***, try another"


def test_a_key_that_a_server_has_shortened_itself_is_replaced_as_far_as_it_goes() -> None:
    register("sk-Zq81-never-shown-to-anyone")
    assert redact("no such key: sk-Zq81-never-...") == "no such key: ***..."
    assert redact("no such key: ...own-to-anyone!") == "no such key: ...***!"
    assert redact("no such key: sk-Zq81-\nnever-shown-to-anyone") == "no such key: ***\n***"


def test_redaction_comes_before_cutting() -> None:
    register("sk-Zq81-never-shown")
    for padding in range(25):
        told = one_line("x" * padding + " sk-Zq81-never-shown again", most=20)
        assert not any("sk-Zq81-never-shown"[:n] in told for n in range(4, 20)), told


def test_a_text_of_another_is_one_line_and_no_longer_than_asked() -> None:
    assert one_line(" a\nb\r\n\tc ") == "a b c"
    assert one_line("word " * 100, most=9) == "word word..."


COMMIT = "0123456789abcdef0123456789abcdef01234567"
URLS = {
    "http://bob:hunter2@host/v1": "http://***@host/v1",
    "see https://bob:hunter2@host:8000/v1, please": "see https://***@host:8000/v1, please",
    "http://token@host": "http://***@host",
    "http://bob:hun/ter2@host": "http://***@host",
    "http://bob:hun@ter2@host": "http://***@host",
    "http://bob:@host": "http://***@host",
    f"'git+https://bob:hunter2@host/m.git@{COMMIT}'": f"'git+https://***@host/m.git@{COMMIT}'",
    f"git+ssh://git:hunter2@host/m.git@{COMMIT}": f"git+ssh://***@host/m.git@{COMMIT}",
    "ssh://git@hunter2@host/m.git": "ssh://***@host/m.git",
    f"https://bob:hunter2@{COMMIT}/path": f"https://***@{COMMIT}/path",
    "'http://bob:hunter2@host', 'http://a:hunter2@b'": "'http://***@host', 'http://***@b'",
    "bob:hunter2@host:8000": "***@host:8000",
    "--set 'engine=bob:hunter2@[::1]:80'": "--set 'engine=***@[::1]:80'",
    "http://host/v1?api_key=hunter2&n=1": "http://host/v1?api_key=***&n=1",
    "http://host/v1?a=1&access_token=hunter2": "http://host/v1?a=1&access_token=***",
    "http:\\/\\/bob:hunter2@host\\/": "http:\\/\\/***@host\\/",
    "/folder/http:/bob:hunter2@host/v1": "/folder/http:/***@host/v1",
    "Authorization: Bearer abc123hunter2": "Authorization: Bearer ***",
}


@pytest.mark.parametrize("text", URLS)
def test_names_and_passwords_in_urls_are_left_out_though_nobody_registered_them(text: str) -> None:
    assert redact(text) == URLS[text]
    assert "hunter2" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/v1 takes no connection: Connection refused",
        "mail me at bob@example.org",
        "git@github.com:owner/name",
        "ssh://git@github.com/owner/name.git",
        f"pip install 'magpie-synth[vllm] @ git+https://host/m.git@{COMMIT}'",
        f"pip install 'magpie-synth[vllm] @ git+https://host/m.git@{COMMIT}#subdirectory=py'",
        f"pip install 'magpie-synth[vllm] @ git+ssh://git@host:22/m.git@{COMMIT}'",
        "hf-internal-testing/tiny-random-gpt2",
        "the key in MY_API_KEY: bearer authentication is required",
        "instruct.sampling.temperature: 1.5 @ 12:30",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_a_password_of_a_proxy_is_a_secret_also_as_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://bob:hunter22@proxy:3128")
    sent = base64.b64encode(b"bob:hunter22").decode()
    assert redact(f"407 for Basic {sent} (hunter22)") == "407 for Basic *** (***)"


def test_what_a_variable_holds_is_a_secret_while_it_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVER", "open sesame")
    assert redact("open sesame") == "open sesame"
    register_variable("MY_SERVER")
    assert redact("say open sesame") == "say ***"
    monkeypatch.setenv("MY_SERVER", "another one")
    assert redact("open sesame, another one") == "open sesame, ***"
    monkeypatch.setenv("HF_TOKEN", "hf_tiny")
    monkeypatch.setenv("SOME_API_KEY", "long-enough-to-be-one")
    monkeypatch.setenv("OTHER_TOKEN", "true")
    assert redact("hf_tiny long-enough-to-be-one true") == "*** *** true"


def test_a_key_of_few_letters_is_replaced_only_where_it_stands_by_itself() -> None:
    register("abc")
    assert redact("abcd abc (abc) xabc") == "abcd *** (***) xabc"
    register("")
    register(None)
    assert redact("abcd") == "abcd"


def test_a_registered_url_gives_its_password() -> None:
    register_url("http://bob:h%40ter22@host")
    register_url("http://host")
    assert redact("h@ter22 h%40ter22 host") == "*** *** host"


def test_a_record_of_a_library_is_redacted() -> None:
    register(KEY)
    record = logging.LogRecord("x", logging.INFO, "", 0, "headers: %r", ([("X-Key", KEY)],), None)
    assert RedactingFilter().filter(record)
    assert KEY not in record.getMessage()
    assert "***" in record.getMessage()


@settings(max_examples=200, deadline=None)
@given(key=st.text(min_size=8, max_size=30), before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_key_survives_and_nothing_is_raised(key: str, before: str, after: str) -> None:
    redaction._values = {key: None}
    told = redact(before + key + after)
    assert key not in told or key in "***" or set(key) == {"*"}


@pytest.mark.parametrize("piece", ["a://", "a.", "a:a", "a~", "?a&", "bearer a", "%2", "sk-", "\\\\", "&#", " "])
def test_a_text_that_is_made_to_be_slow_is_not(piece: str) -> None:
    register("sk-Zq81-never-shown" * 5)
    text = piece * (300_000 // len(piece))
    started = time.process_time()
    one_line(text)
    redact(text[:65536])
    assert time.process_time() - started < 5.0


# -- child processes --------------------------------------------------------------------------------------------------


def test_a_child_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = (
        *("OPENAI_API_KEY", "GITHUB_TOKEN", "CLIENT_SECRET", "ANTHROPIC_KEY", "AWS_ACCESS_KEY_ID", "aws_session_token"),
        *("AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "HF_TOKEN", "GROQ_APIKEY", "MY_SERVER"),
    )
    for name in (*secret, "TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS", "MONKEY", "KEYBOARD_LAYOUT"):
        monkeypatch.setenv(name, "12345678")
    monkeypatch.setenv("A_COPY", "a-copied-value")
    monkeypatch.setenv("DATABASE_URL", "postgres://bob:hunter2@host/db")
    monkeypatch.setenv("PIP_INDEX_URL", "https://host/simple@1")
    register_variable("MY_SERVER")
    register("a-copied-value")
    found = child_environment()
    assert not {*secret, "A_COPY", "DATABASE_URL"} & set(found)
    kept = {"TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS", "MONKEY", "KEYBOARD_LAYOUT", "PIP_INDEX_URL", "PATH"}
    assert kept <= set(found)


def test_a_child_that_downloads_gets_the_token_of_the_hub_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    monkeypatch.setenv("https_proxy", "http://bob:hunter2@proxy")
    assert "https_proxy" not in child_environment()
    found = child_environment(downloads=True)
    assert (found["HF_TOKEN"], "OPENAI_API_KEY" in found, "https_proxy" in found) == ("hf_x", False, True)
