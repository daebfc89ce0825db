"""Templates are rendered as transformers renders them, and a hostile one ends in an error."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from threading import Thread, Timer

import pytest

from magpie.errors import TemplateError
from magpie.safe.workers import Worker
from magpie.templates import TemplateOptions, derive
from magpie.templates.render import _SCRIPT, Budget, Renderer, _worker
from tests.templates.toys import toy

TALK = [{"role": "user", "content": "hi"}]


def render(source: str, prompt: bool = True, date: str | None = None, **variables: object) -> str:
    return Renderer(source, variables, date).render(TALK, prompt)


HOSTILE = {
    "loops for ever": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "writes without end": "{% for a in range(99999) %}{{ 'x' * 5000 }}{% endfor %}",
    "multiplies a text": "{% set n = 10 ** 9 %}{{ messages[0].role * n }}",
    "doubles a text": (
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}"
    ),
    "doubles a list": (
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}"
    ),
    "raises a number": "{{ (10 ** 999999) ** 999999 }}",
    "pads a text": "{{ messages[0].role | center(10 ** 10) }}",
    "calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "walks attributes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "reaches for globals": "{{ raise_exception.__globals__ }}",
    "changes the messages": "{{ messages.append(1) }}",
    "formats its way out": "{{ '{0.__class__}'.format(messages) }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_ends_in_an_error_within_seconds(source: str) -> None:
    started = time.monotonic()
    with pytest.raises(TemplateError, match="chat template"):
        derive(toy(source + "{{ messages[0].content }}"))
    assert time.monotonic() - started < 90, "a few seconds of processor time, on a machine that may be busy"


def test_a_template_that_is_slow_every_time_is_refused_before_all_prompts_are_derived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = "{% for a in range(700) %}{% for b in range(999) %}{% endfor %}{% endfor %}"
    spent: list[float] = []
    spend = Budget.spend

    def record(budget: Budget, seconds: float) -> None:
        spent.append(seconds)
        spend(budget, seconds)

    monkeypatch.setattr(Budget, "spend", record)
    with pytest.raises(TemplateError, match=r"too slow|did not finish"):
        derive(toy(slow + "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"))
    assert sum(spent) < 15, "processor seconds: others on the machine do not slow them"


def test_a_worker_that_a_busy_machine_does_not_let_run_is_waited_for() -> None:
    """The limit is one of processor time: a template is not refused for what else the machine does."""
    assert render("a") == "a"
    process = _worker.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    resumed = Timer(3.5, os.kill, (process.pid, signal.SIGCONT))
    resumed.start()
    try:
        assert render("b") == "b"
    finally:
        resumed.join()
    assert _worker.process is process


def test_the_worker_is_started_again_after_a_template_has_ended_it() -> None:
    with pytest.raises(TemplateError, match="did not finish"):
        render(HOSTILE["loops for ever"])
    assert render("{{ messages[0].content }}") == "hi"


def test_renders_from_threads() -> None:
    found: list[str] = []
    threads = [Thread(target=lambda n=n: found.append(render("{{ n }}", n=n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [str(n) for n in range(8)]


def test_a_budget_that_is_spent_is_an_error() -> None:
    budget = Budget(1.0)
    budget.spend(0.9)
    with pytest.raises(TemplateError, match=r"1\.4 s of rendering"):
        budget.spend(0.5)


@pytest.mark.skipif(sys.platform != "linux", reason="where the system shows the environment of a process")
def test_the_worker_is_given_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "SOME_SECRET"):
        monkeypatch.setenv(name, "a-key-of-somebody")
    worker = Worker(_SCRIPT, {"do": "inspect", "source": ""}, 3.0)
    try:
        worker.ask({"do": "inspect", "source": ""})
        assert worker.process is not None
        environment = Path(f"/proc/{worker.process.pid}/environ").read_text()
    finally:
        worker.stop()
    assert "PATH=" in environment
    assert "a-key-of-somebody" not in environment


def test_nothing_is_left_running_when_the_worker_is_stopped() -> None:
    render("x")
    process = _worker.process
    assert process is not None
    _worker.stop()
    assert process.poll() is not None
    assert _worker.process is None


def test_a_worker_of_another_process_is_not_spoken_to() -> None:
    render("x")
    mine = _worker.process
    _worker.owner = os.getpid() + 1
    assert render("{{ 1 + 1 }}") == "2"
    assert _worker.process is not mine
    assert mine is not None
    mine.kill()
    mine.wait()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("  {% if true %}\nx\n  {% endif %}\ny", "x\ny"),
        ("{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}"
         "{% endfor %}", "02"),
        ("{{ {'a': '<b> & \"c\" é'} | tojson }}", '{"a": "<b> & \\"c\\" é"}'),
        ("{{ [1, {'a': 2}] | tojson(indent=2) }}", '[\n  1,\n  {\n    "a": 2\n  }\n]'),
        ("a{% generation %}b{{ messages[0].content }}{% endgeneration %}c", "abhic"),
        ("{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "3"),
        ("{{ strftime_now('%d %b %Y') }}", "02 Jan 2026"),
        ("{{ nothing }}{{ tools is none }}{{ documents is none }}", "TrueTrue"),
        ("{{ add_generation_prompt }}", "True"),
        ("x\n", "x"),
    ],
)  # fmt: skip
def test_renders_as_transformers_does(source: str, text: str) -> None:
    assert render(source, date="2026-01-02") == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ raise_exception('roles must alternate') }}", "refuses this conversation: roles must alternate"),
        ("{% if %}", "not valid Jinja: line 1"),
        ("{{ messages[0].content / 2 }}", "failed: TypeError"),
        ("{{ messages.__class__.__mro__ }}", "may not touch"),
    ],
)
def test_an_error_says_what_the_template_said(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        render(source)


def test_facts_are_read_off_the_source() -> None:
    facts = Renderer(
        "{% if enable_thinking == 'deep' %}{% endif %}{% if '/no' in messages[0].content %}{% endif %}"
        "{{ messages[0]['content'].split('</think>') }}{% if messages[0].role == 'user' %}{% endif %}",
        {},
    ).facts
    assert "enable_thinking" in facts["variables"]
    assert facts["needles"] == ["/no", "</think>"]
    assert ["enable_thinking", "deep"] in facts["options"]


def test_constants_of_a_list_are_values_of_a_switch_and_not_needles() -> None:
    source = "{% if effort in ['low', 'minimal'] or message.role in ['user'] %}{% endif %}"
    facts = Renderer(source, {}).facts
    assert facts["options"] == [["effort", "low"], ["effort", "minimal"]]
    assert facts["needles"] == []


def test_a_control_word_of_a_list_is_a_needle() -> None:
    assert Renderer("{% if messages[0].content in ['/think', '/no_think'] %}{% endif %}", {}).facts["needles"] == [
        *("/no_think", "/think")
    ]


SECRET = "hunter2"
NOT_TEMPLATES = {
    "accounts": f"root:x:0:0:{SECRET}:/root:/bin/bash\n",
    "a key": f"-----BEGIN KEY-----\n{SECRET}\n",
    "an unknown tag": f"{{% {SECRET} %}}",
    "a half expression": f"{{{{ password {SECRET} }}}}",
    "a lookup that fails": f"{{{{ ('{SECRET}' | int) + '{SECRET}' }}}}{{{{ {{}}['{SECRET}'] + 1 }}}}",
    "a conversion that fails": f"{{{{ '{SECRET}' % 3 }}}}",
    "an attribute": f"{{{{ ''.__class__.{SECRET}__ }}}}",
    "text after the words": f"{{% for m in messages %}}{{{{ m.content }}}}{SECRET}{{{{ m.content }}}}{{% endfor %}}",
    "text that depends on the words": f"{{{{ messages[-1].content | length }}}}{SECRET}{{{{ messages[-1].content }}}}",
    "nothing after the words": f"{SECRET}{{{{ messages[0].content }}}}",
}


@pytest.mark.parametrize("text", NOT_TEMPLATES.values(), ids=NOT_TEMPLATES.keys())
def test_an_error_quotes_nothing_of_a_file_that_a_recipe_names(text: str) -> None:
    with pytest.raises(TemplateError) as refused:
        derive(toy("{{ messages[0].content }}"), TemplateOptions(chat_template=text))
    assert SECRET not in str(refused.value)
    assert str(refused.value).isprintable()
