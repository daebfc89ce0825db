"""What each API is asked and what its answers mean, from bodies written down as the servers document them."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magpie.engines.server.dialects import make_dialect
from magpie.engines.server.info import Facts
from magpie.engines.server.wire import Dialect, Garbled, error_body, events, refused
from magpie.errors import ContextFull, RequestFailed
from magpie.http.answers import READING_ERRORS
from magpie.modelfiles.model import open_model
from magpie.seams import (
    Choice,
    Completion,
    JsonSchema,
    Logprob,
    Message,
    Messages,
    Prompt,
    Request,
    SamplingParams,
    Text,
    Tokens,
)

TOKENIZER = open_model(Path(str(files("magpie"))) / "weights" / "fledgling").tokenizer
HI = tuple(TOKENIZER.encode("Hi there"))
END = TOKENIZER.added["<|im_end|>"].id
SAMPLING = SamplingParams(temperature=0.7, top_p=0.9, max_tokens=20, stop_token_ids=(END,), stop=("\n\n",))
PROMPTS: dict[str, Prompt] = {
    "vllm": Tokens(HI),
    "sglang": Tokens(HI),
    "llamacpp": Tokens(HI),
    "ollama": Text("Hi there"),
    "text": Text("Hi there"),
    "chat": Messages((Message("system", "Be brief."), Message("user", "Hi there"))),
}


def dialect(api: str) -> Dialect:
    return make_dialect(Facts(api, "m", 100), TOKENIZER)


def request(api: str, **changes: Any) -> Request:
    return replace(Request(PROMPTS[api], SAMPLING, seed=2**62 + 5), **changes)


def asked(api: str, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(dialect(api).ask(request(api, **changes)).body)
    return body


def read(api: str, said: Any, **changes: Any) -> Completion:
    body = said if isinstance(said, bytes) else orjson.dumps(said)
    return dialect(api).read(request(api, **changes), body)


# -- asking -----------------------------------------------------------------------------------------------------------


def test_ids_are_sent_as_ids_and_nothing_is_left_to_a_servers_defaults() -> None:
    vllm = asked("vllm")
    assert vllm["prompt"] == asked("llamacpp")["prompt"] == asked("sglang")["input_ids"] == list(HI)
    assert (vllm["temperature"], vllm["top_p"], vllm["top_k"], vllm["min_p"], vllm["repetition_penalty"]) == (
        0.7,
        0.9,
        0,
        0.0,
        1.0,
    )
    assert vllm["skip_special_tokens"] is False
    assert vllm["return_token_ids"] is True
    sglang = asked("sglang")["sampling_params"]
    assert (sglang["temperature"], sglang["top_k"], sglang["min_p"]) == (0.7, -1, 0.0)
    assert asked("llamacpp")["samplers"] == ["temperature", "top_p"]
    ollama = asked("ollama")
    assert (ollama["raw"], ollama["truncate"], ollama["options"]["top_k"]) == (True, False, 0)
    assert ollama["options"]["repeat_penalty"] == 1.0


@pytest.mark.parametrize("api", ["vllm", "sglang", "llamacpp"])
def test_max_tokens_is_lowered_to_what_the_context_has_left(api: str) -> None:
    body = asked(api, sampling=replace(SAMPLING, max_tokens=10**6))
    names = {"vllm": body.get("max_tokens"), "llamacpp": body.get("n_predict")}
    told = body["sampling_params"]["max_new_tokens"] if api == "sglang" else names[api]
    assert told == 100 - len(HI)


def test_stops_are_asked_for_as_each_api_takes_them() -> None:
    assert (asked("vllm")["stop"], asked("vllm")["stop_token_ids"]) == (["\n\n"], [END])
    assert asked("sglang")["sampling_params"]["stop_token_ids"] == [END]
    assert asked("llamacpp")["stop"] == ["\n\n", "<|im_end|>"]
    assert asked("ollama")["options"]["stop"] == asked("chat")["stop"] == ["\n\n"]
    plain = replace(SAMPLING, stop_token_ids=(HI[0], 10**9))
    assert asked("llamacpp", sampling=plain)["stop"] == ["\n\n"]  # an ordinary token's text may come about otherwise
    assert asked("vllm", sampling=plain)["stop_token_ids"] == [HI[0]]


def test_bans_are_absolute_or_as_near_as_an_api_allows() -> None:
    assert asked("vllm", banned=(5, 6))["logit_bias"] == {"5": -100, "6": -100}
    assert asked("llamacpp", banned=(5,))["logit_bias"] == [[5, False]]
    assert asked("sglang", banned=(5,))["sampling_params"]["logit_bias"] == {"5": -1e9}


SCHEMA = JsonSchema('{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}')


def test_a_choice_is_asked_for_as_each_api_takes_it() -> None:
    choice = Choice(("very good", "b.d"))
    assert asked("vllm", structure=choice)["structured_outputs"] == {"choice": ["very good", "b.d"]}
    assert asked("sglang", structure=choice)["sampling_params"]["regex"] == r"(very good|b\.d)"
    assert asked("llamacpp", structure=choice)["grammar"].startswith('root ::= "very good" | ')
    assert asked("ollama", structure=choice)["format"]["enum"] == ["very good", "b.d"]
    chat = asked("chat", structure=choice)["response_format"]["json_schema"]["schema"]
    assert chat["properties"]["choice"]["enum"] == ["very good", "b.d"]


def test_a_schema_is_asked_for_as_each_api_takes_it() -> None:
    assert (
        asked("vllm", structure=SCHEMA)["structured_outputs"]["grammar"]
        == asked("llamacpp", structure=SCHEMA)["grammar"]
    )
    unknown = JsonSchema('{"type": "string", "pattern": "a+"}')
    assert asked("vllm", structure=unknown)["structured_outputs"] == {"json": unknown.schema}
    assert asked("sglang", structure=SCHEMA)["sampling_params"]["json_schema"] == SCHEMA.schema
    assert asked("ollama", structure=SCHEMA)["format"] == orjson.loads(SCHEMA.schema)
    assert asked("chat", structure=SCHEMA)["response_format"]["json_schema"]["schema"] == orjson.loads(SCHEMA.schema)


@pytest.mark.parametrize("api", ["vllm", "text", "chat", "ollama"])
def test_long_answers_come_in_pieces_and_short_ones_whole(api: str) -> None:
    long = make_dialect(Facts(api, "m", 4096), TOKENIZER)
    for most, streamed in ((64, False), (1000, True)):
        ask = long.ask(request(api, sampling=replace(SAMPLING, max_tokens=most)))
        assert ask.streamed is streamed
        assert orjson.loads(ask.body).get("stream", False) is streamed


# -- reading ----------------------------------------------------------------------------------------------------------


def vllm(ids: tuple[int, ...], reason: str = "stop", **said: Any) -> dict[str, Any]:
    choice = {"index": 0, "text": "?", "finish_reason": reason, "stop_reason": None, "token_ids": ids}
    return {"choices": [choice | said], "usage": {"prompt_tokens": 9, "completion_tokens": 99}}


def sglang(ids: tuple[int, ...], reason: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"text": "?", "output_ids": ids, "meta_info": {"finish_reason": reason, "completion_tokens": 99, **meta}}


def llamacpp(ids: tuple[int, ...], kind: str, **said: Any) -> dict[str, Any]:
    return {"content": "?", "tokens": ids, "stop_type": kind, **said}


OTHER = TOKENIZER.encode("house")[0]
ENDS: dict[str, Any] = {
    "vllm, eos": ("vllm", vllm((*HI, OTHER))),
    "vllm, stop id": ("vllm", vllm((*HI, END), stop_reason=END)),
    "sglang, eos": ("sglang", sglang((*HI, OTHER), {"type": "stop", "matched": OTHER})),
    "sglang, eos left out": ("sglang", sglang(HI, {"type": "stop", "matched": OTHER})),
    "llamacpp, eos": ("llamacpp", llamacpp((*HI, OTHER), "eos")),
    "llamacpp, stop id as a text": ("llamacpp", llamacpp((*HI, END), "word")),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_token_that_ends_a_text_is_counted_and_not_in_it(end: str) -> None:
    assert read(*ENDS[end]) == Completion("Hi there", HI, "stop", len(HI), len(HI) + 1)


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("vllm", vllm((*HI, OTHER), "length")),
        ("sglang", sglang((*HI, OTHER), {"type": "length", "length": 3})),
        ("llamacpp", llamacpp((*HI, OTHER), "limit")),
    ],
)
def test_a_text_that_was_cut_by_its_length_is_all_there(api: str, said: Any) -> None:
    got = read(api, said)
    assert got == Completion(TOKENIZER.decode((*HI, OTHER)), (*HI, OTHER), "length", len(HI), len(HI) + 1)


def test_a_stop_string_cuts_the_text_and_keeps_the_ids() -> None:
    ids = tuple(TOKENIZER.encode("Hi\n\nthere"))
    for api, said in {
        "vllm": vllm(ids, stop_reason="\n\n"),
        "sglang": sglang(ids, {"type": "stop", "matched": "\n\n"}),
        "llamacpp": llamacpp(ids, "word"),
    }.items():
        assert read(api, said) == Completion("Hi", ids, "stop", len(HI), len(ids))


def test_what_was_sampled_past_a_stop_id_is_waste() -> None:
    got = read("llamacpp", llamacpp((*HI, END, 5, 6), "limit"))
    assert got == Completion("Hi there", HI, "stop", len(HI), len(HI) + 1, wasted_tokens=2)


def test_special_tokens_and_broken_characters_are_written_out() -> None:
    half = TOKENIZER.encode("é")[0]
    for api, said in {
        "vllm": vllm((END, half), "length", text=""),
        "llamacpp": llamacpp((END, half), "limit", content=""),
    }.items():
        plain = replace(SAMPLING, stop_token_ids=())
        got = read(api, said, sampling=plain).text
        assert got.startswith("<|im_end|>")
        assert got == TOKENIZER.decode((END, half))


def test_logprobs_are_the_likeliest_of_each_kept_token_in_order() -> None:
    a, b = HI[0], OTHER
    name = {one: TOKENIZER.decode([one]) for one in (a, b)}
    expected = ((Logprob(a, name[a], -0.5), Logprob(b, name[b], -1.5)),)
    place = {f"token_id:{b}": -1.5, f"token_id:{a}": -0.5, "token_id:9": -7.0}
    got = read("vllm", vllm((a, END), logprobs={"top_logprobs": [place, place], "tokens": ["x"]}), logprobs=2)
    assert got.logprobs == expected
    ranked = [[-0.5, a, name[a]], [-1.5, b, name[b]]]
    reason = {"type": "stop", "matched": END}
    assert (
        read("sglang", sglang((a, END), reason, output_top_logprobs=[ranked, ranked]), logprobs=2).logprobs == expected
    )
    tops = [{"id": i, "token": "?", "bytes": [*name[i].encode()], "logprob": v} for i, v in ((a, -0.5), (b, -1.5))]
    said = llamacpp((a, END), "eos", completion_probabilities=[{"top_logprobs": tops}] * 2)
    assert read("llamacpp", said, logprobs=2).logprobs == expected


def test_where_only_texts_are_told_tokens_are_counted_by_the_server() -> None:
    usage = {"prompt_tokens": 4, "completion_tokens": 3}
    said = {"choices": [{"text": "Hi\n\nthere", "finish_reason": "stop"}], "usage": usage}
    assert read("text", said) == Completion("Hi", (), "stop", 4, 3)
    assert read("text", said | {"usage": None}) == Completion("Hi", (), "stop", 0, 0)
    chat = {"choices": [{"message": {"content": None}, "finish_reason": "length"}], "usage": usage}
    assert read("chat", chat) == Completion("", (), "length", 4, 3)
    ollama = {"response": "Hi", "done": True, "done_reason": "stop", "eval_count": 3, "prompt_eval_count": 4}
    assert read("ollama", ollama) == Completion("Hi", (), "stop", 4, 3)


def test_streams_of_texts_are_joined() -> None:
    lines = [
        b'{"response":"H","done":false}',
        b'{"response":"i","done":false}',
        b'{"response":"","done":true,"done_reason":"stop"}',
    ]
    assert read("ollama", b"\n".join(lines)).text == "Hi"
    deltas: list[Any] = [
        {"choices": [{"delta": {"role": "assistant"}}]},
        {"choices": [{"delta": {"content": "H"}}]},
        {"choices": [{"delta": {"content": "i"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 3}},
    ]
    body = b"".join(b"data: %s\r\n\r\n" % orjson.dumps(one) for one in deltas) + b"data: [DONE]\n\n"
    assert read("chat", body) == Completion("Hi", (), "stop", 4, 3)


def test_logprobs_of_texts_have_no_ids() -> None:
    expected = ((Logprob(-1, "H", -0.5), Logprob(-1, "J", -1.5)),)
    content = [
        {
            "token": "H",
            "logprob": -0.5,
            "top_logprobs": [{"token": "J", "logprob": -1.5}, {"token": "H", "logprob": -0.5}],
        }
    ]
    chat = {"choices": [{"message": {"content": "H"}, "finish_reason": "stop", "logprobs": {"content": content}}]}
    assert read("chat", chat, logprobs=2).logprobs == expected
    text = {"choices": [{"text": "H", "finish_reason": "stop", "logprobs": {"top_logprobs": [{"J": -1.5, "H": -0.5}]}}]}
    assert read("text", text, logprobs=2).logprobs == expected
    ollama = {"response": "H", "done": True, "done_reason": "stop", "logprobs": content}
    assert read("ollama", ollama, logprobs=2).logprobs == expected
    with pytest.raises(RequestFailed, match="no log-probabilities"):
        read("ollama", ollama | {"logprobs": []}, logprobs=2)
    with pytest.raises(RequestFailed, match="no log-probabilities"):
        read("text", {"choices": [{"text": "H", "finish_reason": "stop"}]}, logprobs=2)


def test_a_choice_asked_for_as_json_is_unwrapped() -> None:
    choice = Choice(("good", "bad"))
    chat = {"choices": [{"message": {"content": '{"choice": "bad"}'}, "finish_reason": "stop"}]}
    assert read("chat", chat, structure=choice).text == "bad"
    ollama = {"response": '"good"', "done": True, "done_reason": "stop"}
    assert read("ollama", ollama, structure=choice).text == "good"
    with pytest.raises(Garbled, match="none of the choices"):
        read("ollama", ollama | {"response": '"fair"'}, structure=choice)


def test_ids_that_are_none_are_not_taken() -> None:
    for ids in ((-1,), (2**40,)):
        with pytest.raises(Garbled, match="no token ids"):
            read("vllm", vllm(ids))
    with pytest.raises(RequestFailed, match="return_token_ids"):
        read("vllm", {"choices": [{"text": "Hi", "finish_reason": "stop"}]})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": {"message": "too\\nlong", "code": 400}}', "too long"),
        (b'{"error": "Unauthorized"}', "Unauthorized"),
        (b'{"object": "error", "message": "no"}', "no"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"detail": [{"loc": ["x"], "msg": "y"}]}', '[{"loc":["x"],"msg":"y"}]'),
        (b"plain words\n", "plain words"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"null", "null"),
        (b"", ""),
    ],
)
def test_an_error_is_found_wherever_it_stands(body: bytes, told: str) -> None:
    assert error_body(body) == told


NAMES = (
    *("choices", "text", "token_ids", "finish_reason", "stop_reason", "logprobs", "top_logprobs", "content", "message"),
    *("tokens", "stop_type", "completion_probabilities", "bytes", "id", "output_ids", "meta_info", "response", "done"),
    *("done_reason", "usage", "error", "code"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(said=JSON, api=st.sampled_from(list(PROMPTS)), as_event=st.booleans())
def test_no_answer_does_more_than_fail(said: Any, api: str, as_event: bool) -> None:
    body = orjson.dumps(said)
    try:
        got = dialect(api).read(request(api, logprobs=1), b"data: " + body + b"\n\n" if as_event else body)
    except (Garbled, RequestFailed, *READING_ERRORS):
        return
    assert isinstance(got, Completion)


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=60))
def test_no_bytes_do_more_than_fail(body: bytes) -> None:
    try:
        list(events(body))
    except Garbled:
        return


# -- prompts that are too long ----------------------------------------------------------------------------------------

VLLM_SAYS = "This model's maximum context length is 256 tokens. However, your prompt contains at least 257 input tokens"
TOO_LONG = {
    "llama.cpp": {"error": {"code": 400, "message": "too large", "type": "exceed_context_size_error", "n_ctx": 256}},
    "OpenAI": {"error": {"message": "too large", "param": "messages", "code": "context_length_exceeded"}},
    "vLLM": {"error": {"message": VLLM_SAYS, "type": "BadRequestError", "param": "input_tokens", "code": 400}},
    "vLLM before it named the parameter": {"error": {"message": VLLM_SAYS, "param": None, "code": 400}},
    "vLLM before 0.10": {"object": "error", "message": VLLM_SAYS, "param": None, "code": 400},
}
NOT_TOO_LONG = {
    "a quoted prompt": {"error": {"message": f"no such role in {VLLM_SAYS!r}", "code": 400}},
    "another code": {"error": {"message": "exceed_context_size_error", "code": "context_length"}},
    "other types": {"error": {"message": [VLLM_SAYS], "code": ["context_length_exceeded"], "type": {}}},
    "a text": VLLM_SAYS,
    "nothing": None,
}


@pytest.mark.parametrize("server", TOO_LONG)
def test_a_refusal_for_its_length_is_told_by_a_field(server: str) -> None:
    assert type(refused(400, TOO_LONG[server], "no")) is ContextFull


@pytest.mark.parametrize("server", TOO_LONG)
def test_it_is_the_same_inside_of_an_answer_that_began_well(server: str) -> None:
    with pytest.raises(ContextFull):
        read("text", TOO_LONG[server])


@pytest.mark.parametrize("said", NOT_TOO_LONG)
def test_no_other_refusal_is_one_for_the_length(said: str) -> None:
    assert type(refused(400, NOT_TOO_LONG[said], "no")) is RequestFailed


def test_words_decide_only_of_the_status_that_vllm_has_for_it() -> None:
    assert type(refused(404, {"error": {"message": VLLM_SAYS}}, "no")) is RequestFailed
