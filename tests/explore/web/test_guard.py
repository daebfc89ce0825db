"""Who may ask: every request without the right host, origin, token or cookie gets 403, over a real socket."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn")

from magpie.explore.web.guard import POLICY
from tests.explore.web.served import explorer_of, judged_run, served


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("guarded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        with served(explorer_of([judged_run(folder / "air", 60)])) as found:
            yield found


Answer = tuple[int, dict[str, str], bytes]


def ask(
    address: str, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: bytes | None = None
) -> Answer:
    """One request as it is given: no header is added but the host, and that only where none is given."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    given = {"Host": parts.netloc, **(headers or {})}
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def token_of(address: str) -> str:
    return urlsplit(address).query.removeprefix("token=")


def cookie_of(address: str) -> str:
    _, headers, _ = ask(address, f"/?token={token_of(address)}")
    return headers["set-cookie"].partition(";")[0]


def test_the_token_is_exchanged_at_once_for_a_cookie_that_no_script_and_no_other_site_has(address: str) -> None:
    status, headers, body = ask(address, f"/?token={token_of(address)}")
    assert (status, headers["location"], body) == (303, "/", b"")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(headers["set-cookie"].split("; "))
    assert token_of(address) not in headers["set-cookie"]
    status, headers, body = ask(address, "/", {"Cookie": cookie_of(address)})
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert token_of(address).encode() not in body


@pytest.mark.parametrize("path", ["/", "/main.js", "/api/about", "/nothing"])
@pytest.mark.parametrize("cookie", [None, "x", "magpie_00000000=x", "{name}=x", "{name}=", "{name}={value}x"])
def test_nothing_is_answered_without_the_cookie(address: str, path: str, cookie: str | None) -> None:
    name, _, value = cookie_of(address).partition("=")
    headers = {} if cookie is None else {"Cookie": cookie.format(name=name, value=value)}
    assert ask(address, path, headers)[0] == 403


@pytest.mark.parametrize("query", ["token=", "token=x", "token={}x", "token={}&token={}", "token=%00"])
def test_another_token_is_refused_with_the_cookie_too(address: str, query: str) -> None:
    path = "/?" + query.replace("{}", token_of(address))
    assert ask(address, path)[0] == 403
    assert ask(address, path, {"Cookie": cookie_of(address)})[0] == 403


@pytest.mark.parametrize(
    "host",
    ["example.com", "127.0.0.1.example.com", "localhost.example.com:8421", "0.0.0.0", "[::1]", "127.0.0.2", "",
     "evil@localhost", "localhost:1:2", "localhost:http", "localhost/"],
)  # fmt: skip
def test_a_name_that_is_not_this_machine_is_refused(address: str, host: str) -> None:
    """DNS rebinding: a page of example.com whose name was pointed here sends its own name as the host."""
    assert ask(address, "/api/about", {"Host": host, "Cookie": cookie_of(address)})[0] in (
        {400, 403} if not host.strip() else {403}
    )
    assert ask(address, f"/?token={token_of(address)}", {"Host": host})[0] != 303


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:65535", "127.0.0.1"])
def test_this_machine_on_any_port_is_answered(address: str, host: str) -> None:
    """`ssh -L 9000:localhost:8421` gives another port."""
    assert ask(address, "/api/about", {"Host": host, "Cookie": cookie_of(address)})[0] == 200


@pytest.mark.parametrize(
    "origin",
    ["https://example.com", "null", "http://localhost:1", "https://127.0.0.1", "http://127.0.0.1.example.com", ""],
)
def test_a_page_of_another_origin_is_refused(address: str, origin: str) -> None:
    headers = {"Cookie": cookie_of(address), "Origin": origin, "Content-Type": "application/json"}
    assert ask(address, "/api/view", headers, "POST", b"{}")[0] == 403
    assert ask(address, "/", headers)[0] == 403


def test_the_page_itself_is_answered_by_either_name(address: str) -> None:
    port = urlsplit(address).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        headers = {"Cookie": cookie_of(address), "Host": host, "Origin": f"http://{host}",
                   "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}  # fmt: skip
        assert ask(address, "/api/view", headers, "POST", b"{}")[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_a_browser_calls_foreign_is_refused(address: str, site: str) -> None:
    """`same-site` is another port of this machine, which gets the cookie as well: cookies know no ports."""
    headers = {"Cookie": cookie_of(address), "Sec-Fetch-Site": site}
    assert ask(address, "/api/about", headers)[0] == ask(address, "/main.js", headers)[0] == 403


def test_every_answer_has_the_headers_that_keep_the_page_to_itself(address: str) -> None:
    cookie = cookie_of(address)
    asked = [("/", {}), *((path, {"Cookie": cookie}) for path in ("/", "/main.js", "/api/about", "/nothing"))]
    for path, headers in asked:
        told = ask(address, path, headers)[1]
        assert told["content-security-policy"] == POLICY
        assert (told["referrer-policy"], told["x-content-type-options"], told["x-frame-options"]) == (
            "no-referrer",
            "nosniff",
            "DENY",
        )
        assert "server" not in told
        assert "access-control-allow-origin" not in told
    assert "unsafe" not in POLICY
    assert {"frame-ancestors 'none'", "default-src 'none'", "base-uri 'none'"} <= set(POLICY.split("; "))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(address: str, method: str) -> None:
    assert ask(address, "/api/about", {"Cookie": cookie_of(address)}, method)[0] == 405


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"sql": "DROP TABLE rows"}', 400),
        (b'{"filters": [{"kind": "sql", "where": "1=1"}]}', 400),
        (b'{"filters": [{"kind": "labels", "field": "x; DROP TABLE rows", "labels": ["a"]}]}', 400),
        (b'{"filters": [{"kind": "labels", "field": "difficulty", "labels": ["\' OR 1=1 --"]}]}', 400),
        (b'{"filters": [{"kind": "range", "field": "instruct_reward", "low": "1 OR 1=1"}]}', 400),
        (b'{"filters": [{"kind": "range", "field": "instruct_reward", "low": NaN}]}', 400),
        (b'{"filters": [{"kind": "text", "text": ""}]}', 400),
        (b'{"filters": [' + b" " * 300_000 + b"]}", 413),
        (b'{"filters": ' + b"[" * 100_000, 400),
    ],
)
def test_a_question_that_is_not_of_its_type_is_refused_without_a_trace(address: str, body: bytes, status: int) -> None:
    headers = {"Cookie": cookie_of(address), "Content-Type": "application/json"}
    found, _, text = ask(address, "/api/view", headers, "POST", body)
    assert found == status, text
    assert b"Traceback" not in text


def test_a_form_of_another_page_is_no_question(address: str) -> None:
    headers = {"Cookie": cookie_of(address), "Content-Type": "text/plain"}
    assert ask(address, "/api/view", headers, "POST", b"{}")[0] == 415


@pytest.mark.parametrize(
    "path", ["/../index.html", "/%2e%2e/app.py", "/static/app.py", "//etc/passwd", "/app.py", "/api/view/"]
)
def test_only_what_the_page_is_made_of_is_given_out(address: str, path: str) -> None:
    assert ask(address, path, {"Cookie": cookie_of(address)})[0] in (404, 405, 307)
