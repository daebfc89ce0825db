"""What opening a server proves, and how a mistake is told: in one line, before anything is run, without the key."""

from __future__ import annotations

import logging
import re
import shutil
import ssl
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from magpie.engines.server.engine import Facts, capabilities, detect, open_server
from magpie.errors import ModelError, UserError
from magpie.http.endpoints import read_url
from magpie.modelfiles.model import open_model
from magpie.seams import Capability, Completion, Message, Messages, Request, SamplingParams, Text, Tokens
from magpie.settings.engines import Server as ServerSettings
from tests.engines.asking import ask
from tests.engines.fault_server import MODELS, Action, Ask, Body, FaultServer, Say, fault_server, hang, no_http, well
from tests.engines.local_servers import free_port, llama_server
from tests.engines.tiny_gguf import TinyModel, write_gguf

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling"
KEY = "sk-Zq81-never-shown"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server() as started:
        yield started


def settings(server: FaultServer, **changes: object) -> ServerSettings:
    return ServerSettings(url=server.url, connect_seconds=5.0, retries=0).model_copy(update=changes)


def opening(asked: ServerSettings) -> str:
    """How it is refused."""
    with pytest.raises(UserError) as refused, open_server(asked):
        pass
    told = str(refused.value)
    assert "\n" not in told
    return told


def test_what_the_settings_leave_open_the_server_says(server: FaultServer) -> None:
    assert detect(settings(server)) == Facts("vllm", "m", 512)
    assert detect(settings(server, context=100)) == Facts("vllm", "m", 100)


def test_where_the_settings_say_all_nobody_is_asked() -> None:
    asked = ServerSettings(url="http://127.0.0.1:9", api="text", served_model="m", context=99)
    assert detect(asked).served_model == "m"


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_an_address_is_taken_with_and_without_v1(server: FaultServer, path: str) -> None:
    with open_server(settings(server, url=server.url + path)) as engine:
        assert isinstance(ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))])[0], Completion)


def test_an_api_that_begins_elsewhere_is_found(server: FaultServer) -> None:
    server.pages = {"/v1beta/openai/models": Say(MODELS)}
    with open_server(settings(server, url=f"{server.url}/v1beta/openai")):
        assert server.asked[0].path == "/v1beta/openai/completions"


WRONG_URLS = {
    "localhost:8000": "expected http:// or https://",
    "ftp://localhost": "expected http:// or https://",
    "http://": "expected http:// or https://",
    "http://localhost:port": "is no URL",
    "http://localhost:99999": "is no URL",
    "http://me:secret-word@localhost:8000": "api_key_env",
    "me:secret-word@localhost:8000": "api_key_env",
    "http://localhost:8000/v1?key=secret-word": "expected the address up to /v1",
    "http://local host": "expected http:// or https://",
}


@pytest.mark.parametrize("url", WRONG_URLS)
def test_what_is_no_address_is_refused(url: str) -> None:
    try:
        told = opening(ServerSettings(url=url))
    except ValidationError as error:  # what may hold a secret is refused where settings are checked
        told = str(error)
    assert WRONG_URLS[url] in told
    assert "secret-word" not in told


def test_a_server_that_is_not_there(server: FaultServer) -> None:
    told = opening(ServerSettings(url=f"http://127.0.0.1:{free_port()}/v1"))
    assert "takes no connection" in told
    assert "is the server running" in told
    assert "takes no connection" in opening(ServerSettings(url="http://no-such-host.invalid/v1"))


def test_a_server_that_speaks_something_else(server: FaultServer) -> None:
    server.pages = {"/v1/models": no_http}
    assert "does not speak HTTP" in opening(settings(server))


PAGES: dict[str, tuple[Action, str]] = {
    "a page": (Say(b"<html>hello</html>", kind="text/html"), "answers with text/html and not with JSON"),
    "nothing": (Say(b"404 page not found", 404, kind="text/plain"), "there is no such API"),
    "another place": (Say({}, 308, {"Location": "https://example.org/v1/models"}), "give that address"),
    "loading": (Say({"error": {"message": "Loading model"}}, 503), "Loading model; is it still loading?"),
    "no key": (Say({"error": "Unauthorized"}, 401), "wants an API key: put it into an environment variable"),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_list_of_models_that_is_none_says_why(server: FaultServer, page: str) -> None:
    action, told = PAGES[page]
    server.pages["/v1/models"] = action
    assert told in opening(settings(server))


def test_nothing_at_this_address_speaks_the_api(server: FaultServer) -> None:
    server.pages = {}
    server.script = lambda _: Say({"detail": "Not Found"}, 404)
    assert "no /v1/completions and no /v1/chat/completions" in opening(settings(server))


def test_a_silent_server_is_told(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("magpie.engines.server.facts.QUESTION_SECONDS", 0.1)
    server.pages["/v1/models"] = hang
    assert "silent for 0.1 seconds" in opening(settings(server))


def test_a_model_that_is_not_served_names_those_that_are(server: FaultServer) -> None:
    with pytest.raises(ModelError, match="does not serve 'large'; it serves m: name one of them"):
        detect(settings(server, served_model="large"))


def test_of_several_models_one_must_be_named(server: FaultServer) -> None:
    two: Body = {"data": [{"id": "m", "owned_by": "vllm"}, {"id": "n", "owned_by": "vllm"}]}
    server.pages["/v1/models"] = Say(two)
    with pytest.raises(ModelError, match=r"serves m, n: name one of them by engine\.served_model"):
        detect(settings(server))
    assert detect(settings(server, served_model="n")).served_model == "n"


def test_a_model_that_only_the_first_request_finds_missing(server: FaultServer) -> None:
    server.pages["/v1/models"] = Say({"object": "list"})
    server.script = lambda _: Say({"error": {"message": "The model `x` does not exist."}}, 404)
    assert "The model `x` does not exist" in opening(settings(server, api="vllm", served_model="x"))


def test_a_server_that_is_something_else_than_the_settings_say(server: FaultServer) -> None:
    with fault_server(lambda _: Say({"choices": [{"text": "a", "finish_reason": "length"}]})) as plain:
        assert "set engine.api" in opening(settings(plain, api="vllm"))
        assert "set engine.api" in opening(settings(plain, api="ollama"))


OWNERS = {"vllm": "vLLM", "sglang": "SGLang", "llamacpp": "llama.cpp"}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("api", [*OWNERS, "ollama"])
def test_a_server_of_another_kind_than_the_settings_say_is_told_plainly(owner: str, api: str) -> None:
    if owner == api:
        return
    with fault_server(models={"data": [{"id": "m", "owned_by": owner}]}) as server:
        for more in ({}, {"served_model": "m", "context": 99}):
            told = opening(settings(server, api=api, **more))
            assert told == (
                f"the server at {server.url} answers like {OWNERS[owner]}; engine.api says {api}; set it to auto or "
                f"{owner}, as in --set engine.api=auto"
            )


@pytest.mark.parametrize("api", OWNERS)
def test_ollama_is_told_from_what_the_settings_say_by_its_version(api: str) -> None:
    with fault_server(models={"data": [{"id": "m", "owned_by": "library"}]}) as server:
        server.pages["/api/version"] = Say({"version": "0.12.0"})
        assert "answers like Ollama; engine.api says" in opening(settings(server, api=api))


@pytest.mark.parametrize("api", ["text", "chat"])
@pytest.mark.parametrize("owner", [*OWNERS, "library"])
def test_what_every_kind_of_server_has_may_be_asked_of_each(owner: str, api: str) -> None:
    with fault_server(lambda _: Say(says("a")), models={"data": [{"id": "m", "owned_by": owner}]}) as server:
        server.pages["/api/version"] = Say({"version": "0.12.0"})
        with open_server(settings(server, api=api)) as engine:
            assert engine.capabilities == capabilities(api)


def test_of_several_models_the_one_that_is_asked_for_tells_the_kind() -> None:
    two: Body = {"data": [{"id": "m", "owned_by": "vllm"}, {"id": "n", "owned_by": "llamacpp"}]}
    with fault_server(models=two) as server:
        with open_server(settings(server, api="vllm", served_model="m")):
            pass
        assert "answers like llama.cpp" in opening(settings(server, api="vllm", served_model="n"))


def test_a_gateway_that_says_nothing_of_itself_may_be_what_the_settings_say(server: FaultServer) -> None:
    for models in ({"data": [{"id": "m", "owned_by": "openai"}]}, {"data": [{"id": "m"}]}, {"object": "list"}):
        server.pages["/v1/models"] = Say(models)
        with open_server(settings(server, api="vllm", served_model="m")):
            pass


def test_two_servers_must_serve_the_same_model(server: FaultServer) -> None:
    with fault_server(models={"data": [{"id": "other", "owned_by": "vllm"}]}) as other:
        told = opening(settings(server, url=(server.url, other.url)))
    assert f"{other.url} does not serve 'm'" in told


def test_two_servers_must_have_the_same_context(server: FaultServer) -> None:
    with fault_server(models={"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 8}]}) as other:
        assert "set engine.context" in opening(settings(server, url=(server.url, other.url)))


def test_one_of_two_servers_may_come_later(server: FaultServer) -> None:
    missing = f"http://127.0.0.1:{free_port()}"
    with open_server(settings(server, url=(missing, server.url))) as engine:
        assert any(missing in told and "going on without it" in told for told in engine.warnings)
        assert isinstance(ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))])[0], Completion)


# -- the key ----------------------------------------------------------------------------------------------------------


def guarded(asked: Ask) -> Action:
    if asked.headers.get("Authorization") != f"Bearer {KEY}":
        return Say({"error": {"message": f"no such key: {asked.headers.get('Authorization')}"}}, 401)
    return well(asked)


def test_the_key_is_sent_with_every_request(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_TEST_KEY", f" {KEY}\n")
    server.script = guarded
    with open_server(settings(server, api_key_env="MAGPIE_TEST_KEY")) as engine:
        answers = ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))] * 3)
    assert all(isinstance(answer, Completion) for answer in answers)
    assert {one.headers["Authorization"] for one in [*server.asked, *server.gets]} == {f"Bearer {KEY}"}


def test_a_key_that_is_not_set_names_the_variable(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAGPIE_TEST_KEY", raising=False)
    asked = settings(server, api_key_env="MAGPIE_TEST_KEY")
    assert "environment variable MAGPIE_TEST_KEY, named by api_key_env, is not set" in opening(asked)
    for value in ("two words", "lîne", "a\x07b"):
        monkeypatch.setenv("MAGPIE_TEST_KEY", value)
        told = opening(asked)
        assert "holds no API key" in told
        assert value not in told


def test_a_wrong_key_names_the_variable_and_is_not_shown(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_TEST_KEY", KEY)
    server.pages["/v1/models"] = Say({"error": f"I do not know {KEY}"}, 403)
    told = opening(settings(server, api_key_env="MAGPIE_TEST_KEY"))
    assert "does not take the API key in the environment variable MAGPIE_TEST_KEY" in told
    assert KEY not in told


def test_the_key_is_in_no_error_log_or_repr(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MAGPIE_TEST_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    asked = settings(server, api_key_env="MAGPIE_TEST_KEY")
    with open_server(asked) as engine:
        seen += [engine, vars(engine), asked]
        for status in (400, 500):
            server.script = lambda one, status=status: Say({"error": one.headers["Authorization"]}, status)  # type: ignore[misc]
            seen += ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))])
        server.stop()
        engine.submit(-1, Request(Tokens((1,)), SamplingParams(max_tokens=9)))
        engine.poll(0.2)
    with pytest.raises(UserError) as refused, open_server(asked):
        pass
    server.start()
    seen += [
        caplog.text,
        *_chain(refused.value),
        *(part for one in seen if isinstance(one, BaseException) for part in _chain(one)),
    ]
    assert not any(KEY in told for one in seen for told in (repr(one), str(one)))


def _chain(error: BaseException | None) -> list[str]:
    """An error with all that it remembers, and what those hold."""
    told: list[str] = []
    while error is not None:
        told += [repr(error), repr(vars(error)), *traceback.format_exception(error)]
        request = getattr(error, "request", None)
        told.append(repr(getattr(request, "headers", "")))
        error = error.__cause__ or error.__context__
    return told


def test_a_key_over_plain_http_to_another_machine_is_warned_of() -> None:
    from magpie.engines.server.opening import _risks
    from magpie.http.endpoints import Endpoint, Key

    def risks(url: str) -> list[str]:
        return _risks([Endpoint(read_url(url), Key("K", "abc"), None, None)])

    assert "without encryption" in risks("http://10.1.2.3:8000/v1")[0]
    assert risks("https://10.1.2.3:8000/v1") == risks("http://127.0.0.1:8000/v1") == risks("http://[::1]:1") == []


def test_loopback_needs_no_proxy(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with open_server(settings(server)) as engine:
        assert isinstance(ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))])[0], Completion)


def test_other_hosts_are_reached_through_the_proxy(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault server as the proxy: it is asked for whole addresses."""
    monkeypatch.setenv("http_proxy", server.url)
    server.pages = {"http://models.invalid/v1/models": Say(MODELS)}
    with open_server(ServerSettings(url="http://models.invalid/v1")) as engine:
        assert isinstance(ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))])[0], Completion)
    assert {one.path for one in server.asked} == {"http://models.invalid/v1/completions"}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody trusts yet."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    path = tmp_path / "own.pem"
    subject = ["-subj", "/CN=magpie test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(path), "-out", "-", *subject]
    made_certificate = subprocess.run(made, check=True, capture_output=True).stdout
    path.write_bytes(path.read_bytes() + made_certificate)
    return path


def test_https_is_spoken_to_those_whose_certificate_is_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with fault_server(tls=tls) as server:
        assert "certificate verify failed" in opening(settings(server))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with open_server(settings(server)) as engine:
            answers = ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))] * 40)
    assert all(isinstance(answer, Completion) for answer in answers), answers


# -- kinds of server --------------------------------------------------------------------------------------------------


def test_what_an_api_can_do_is_known_without_asking() -> None:
    assert (
        capabilities("vllm").prompts
        == capabilities("sglang").prompts
        == capabilities("llamacpp").prompts
        == ("tokens",)
    )
    assert capabilities("ollama").prompts == capabilities("text").prompts == ("text",)
    assert capabilities("chat").prompts == ("messages",)
    assert Capability.LOGIT_BIAS in capabilities("vllm").can
    assert Capability.LOGIT_BIAS not in capabilities("ollama").can


def says(text: str) -> Body:
    choice = {"index": 0, "text": text, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}


ANY: Body = {"data": [{"id": "m", "owned_by": "somebody"}]}


def test_any_server_with_completions_is_text() -> None:
    with fault_server(lambda _: Say(says("well")), models=ANY) as server, open_server(settings(server)) as engine:
        assert engine.capabilities == capabilities("text")
        assert any("tells no token ids" in told for told in engine.warnings)
        (answer,) = ask(engine, [Request(Text("Hello"), SamplingParams(max_tokens=9))])
    assert answer == Completion("well", (), "stop", 2, 3)


def test_a_server_with_chats_only_is_chat() -> None:
    def script(asked: Ask) -> Action:
        chats = asked.path == "/v1/chat/completions"
        return Say(says("well")) if chats else Say({"error": {"message": "This is a chat model"}}, 404)

    with fault_server(script, models=ANY) as server, open_server(settings(server)) as engine:
        assert engine.capabilities == capabilities("chat")
        said = Request(Messages((Message("user", "Hello"),)), SamplingParams(max_tokens=9))
        assert isinstance(ask(engine, [said])[0], Completion)
        assert server.asked[-1].body["messages"] == [{"role": "user", "content": "Hello"}]


def test_a_server_learns_what_it_refuses() -> None:
    """OpenAI's newer models know no max_tokens, and some servers no stream_options."""

    def script(asked: Ask) -> Action:
        if "max_tokens" in asked.body:
            return Say({"error": {"message": "Use 'max_completion_tokens' instead."}}, 400)
        if "stream_options" in asked.body:
            return Say({"error": {"message": "Unknown parameter: stream_options"}}, 400)
        if len(asked.body.get("stop", ())) > 4:
            return Say({"error": {"message": "'stop' has at most 4 elements"}}, 400)
        return Say(says("well"))

    with fault_server(script, models=ANY) as server, open_server(settings(server, api="chat")) as engine:
        said = Request(Messages((Message("user", "Hello"),)), SamplingParams(max_tokens=999, stop=tuple("123456")))
        assert all(isinstance(answer, Completion) for answer in ask(engine, [said] * 20))


def test_ollama_is_known_by_its_version() -> None:
    with fault_server(lambda _: Say({"response": "x", "done": True, "done_reason": "length"}), models=ANY) as server:
        server.pages["/api/version"] = Say({"version": "0.12.0"})
        server.pages["/api/ps"] = Say({"models": [{"name": "m", "context_length": 777}]})
        assert detect(settings(server)).context == 777
        with open_server(settings(server)) as engine:
            assert engine.capabilities == capabilities("ollama")


def test_sglang_without_deterministic_inference_is_warned_of() -> None:
    with fault_server(models={"data": [{"id": "m", "owned_by": "sglang", "max_model_len": 99}]}) as server:
        server.pages["/get_server_info"] = Say({"enable_deterministic_inference": False})
        facts = detect(settings(server))
        assert (facts.api, facts.context) == ("sglang", 99)
        assert any("--enable-deterministic-inference" in told for told in facts.warnings)


# -- tokenizers -------------------------------------------------------------------------------------------------------


def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    own = write_gguf(tmp_path / "own.gguf", TinyModel())
    with llama_server(own, slots=2, context=64) as url:
        asked = ServerSettings(url=url)
        with open_server(asked, vocabulary=open_model(own).tokenizer) as engine:
            assert engine.vocab_size == 273
        told = "does not have this model's tokenizer: on 'Hello world'"
        with pytest.raises(ModelError, match=told), open_server(asked, vocabulary=open_model(FLEDGLING).tokenizer):
            pass


@pytest.mark.parametrize(("times", "beyond", "fits"), [(1, 0, True), (1, 1, True), (2, 0, False), (1, 2, False)])
def test_behind_a_server_of_text_a_tokenizer_is_told_by_its_counts(times: int, beyond: int, fits: bool) -> None:
    tokenizer = open_model(FLEDGLING).tokenizer

    def script(asked: Ask) -> Action:
        counted = times * len(tokenizer.encode(asked.body["prompt"])) + beyond
        return Say(says("a") | {"usage": {"prompt_tokens": counted}})

    with fault_server(script, models=ANY) as server:
        asked = settings(server, api="text")
        expected: AbstractContextManager[object] = nullcontext()
        if not fits:
            expected = pytest.raises(ModelError, match="does not have this model's tokenizer")
        with expected, open_server(asked, vocabulary=tokenizer):
            pass


def test_llama_cpp_says_what_it_is(tmp_path: Path) -> None:
    with llama_server(write_gguf(tmp_path / "own.gguf"), slots=3, context=256) as url:
        facts = detect(ServerSettings(url=url))
        assert (facts.api, facts.context, facts.slots) == ("llamacpp", 256, 3)
        with open_server(ServerSettings(url=url, concurrency=64)) as engine:
            assert engine.window == 4
        told = r"answers like llama\.cpp; engine\.api says vllm; set it to auto or llamacpp"
        with pytest.raises(UserError, match=told), open_server(ServerSettings(url=url, api="vllm")):
            pass


def test_nothing_of_a_servers_words_breaks_a_line() -> None:
    assert not re.search(r"\s", read_url("http://localhost:8000/v1").told)
    with fault_server(lambda _: Say({"error": {"message": "a\nb\r\nc" + "x" * 9999}}, 400)) as server:
        told = opening(settings(server))
    assert "a b c" in told
    assert len(told) < 500
