"""Recipes are checked whole, and what is wrong is said in one line."""

from pathlib import Path

import pytest

from magpie.errors import RecipeError
from magpie.recipes import Recipe, Scripted, dump, explain, parse, recipe_text, shipped


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


def test_more_tokens_than_llama_cpp_counts_are_refused_in_one_line() -> None:
    with pytest.raises(RecipeError, match=r"^r: engine: slots times context is 6,400,000,000 tokens"):
        parse("engine: {name: llamacpp, slots: 64, context: 100000000}", "r")


def test_a_recipe_whose_aliases_repeat_each_other_is_refused() -> None:
    lists = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 11)]
    with pytest.raises(RecipeError, match="more than 1,000,000 values"):
        parse("\n".join(["l0: &l0 [1, 2]", *lists]), "r")
    with pytest.raises(RecipeError, match="more than 1,000,000 values"):
        parse("a: &a [*a]", "r")
    with pytest.raises(RecipeError, match="in each other without end"):
        parse("[" * 2_000, "r")


def test_a_recipe_with_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(RecipeError, match="half of a surrogate pair"):
        parse('template: {system: "\\ud800"}', "r")
