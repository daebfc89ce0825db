"""What sanitizing takes off an instruction, and what it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.sanitizing import measure, read, total
from magpie.errors import RecipeError
from magpie.templates import sanitize
from magpie.templates.families import families
from magpie.templates.sanitize import RULES, rule_names
from magpie.templates.text_structure import Label, options, paragraphs, read_label, read_lines

ALL = tuple(RULES)
PLANTED = Path(os.environ.get("MAGPIE_TEST_DATA", "nowhere")) / "data" / "planted.jsonl"

ADDED = [
    ("ما هي عاصمة الأردن؟ الجواب: عمّان", "ما هي عاصمة الأردن؟"),
    ("Thủ đô của Lào là gì?\nĐáp án: Viêng Chăn", "Thủ đô của Lào là gì?"),
    ("Wat is de hoofdstad van Suriname? Antwoord: Paramaribo", "Wat is de hoofdstad van Suriname?"),
    ("भारत की राजधानी क्या है?\n\nउत्तर: नई दिल्ली", "भारत की राजधानी क्या है?"),
    ("물의 끓는점은 몇 도입니까?\n답: 100도", "물의 끓는점은 몇 도입니까?"),
    ("Türkiye'nin en uzun nehri hangisidir? Cevap: Kızılırmak", "Türkiye'nin en uzun nehri hangisidir?"),
    ("質問: 富士山の高さは何メートルですか?\n答え: 3776メートル", "富士山の高さは何メートルですか?"),
    (
        "Calcule la dérivée de x^3.\n\n## Étape 1 : Appliquer la règle\n3x^2\n\n## Étape 2 : Conclure\n3x^2",
        "Calcule la dérivée de x^3.",
    ),
    ("3、5、7、9的平均数是多少?\n\n步骤1:求和\n3+5+7+9=24\n步骤2:除以4\n24/4=6", "3、5、7、9的平均数是多少?"),
    (
        "Question 5: What is a prime number?\n\n**Answer:** One with two divisors.\n\n**Explanation:** By definition.",
        "What is a prime number?",
    ),
    ("How do I boil an egg?\n\nSure! Here's how:\n\n1. Boil water.\n2. Add the egg.", "How do I boil an egg?"),
    (
        "¿Cómo puedo dormir mejor?\n\nPor supuesto. Aquí tienes algunos consejos: apaga el móvil.",
        "¿Cómo puedo dormir mejor?",
    ),
    (
        "Wie lerne ich schneller Französisch?\n\nNatürlich! Hier sind einige Tipps: ...",
        "Wie lerne ich schneller Französisch?",
    ),
    ("如何提高英语口语?\n\n当然可以!以下是一些建议:\n1. 多听多说。", "如何提高英语口语?"),
    (
        "Which is a mammal?\n\n1. Shark\n2. Dolphin\n3. Trout\n\nCorrect answer: 2. Dolphin",
        "Which is a mammal?\n\n1. Shark\n2. Dolphin\n3. Trout",
    ),
    (
        "Which of these is a noble gas?\nA) Oxygen\nB) Neon\nC) Iron\n\n**B) Neon**",
        "Which of these is a noble gas?\nA) Oxygen\nB) Neon\nC) Iron",
    ),
    (
        "Sure, here's a question for you:\n\nWhat is the largest desert on Earth?",
        "What is the largest desert on Earth?",
    ),
    ("Voici une question : Quelle est la vitesse du son ?", "Quelle est la vitesse du son ?"),
    ("Hier ist eine Aufgabe:\n\nBerechne 17 mal 23.", "Berechne 17 mal 23."),
    ('Certainly! Here is an instruction:\n\n"Write a limerick about a cat."', "Write a limerick about a cat."),
    ("<|im_start|>user\nTell me a joke.<|im_end|>\n<|im_start|>assistant\nWhy did the chicken", "Tell me a joke."),
    ("Explain entropy.\n\n### Assistant:\nEntropy is...", "Explain entropy."),
    ("Who was Ada Lovelace?\n\n### Response:\nA mathematician.", "Who was Ada Lovelace?"),
    ("**Instruction:** List three fruits.\n\n**Response:** Apple, pear, plum.", "List three fruits."),
    ("### User:\nWhat is DNA?\n\n### Assistant:\nA molecule.", "What is DNA?"),
    ("What is 12 * 12?\n\n12 * 12 = 144\n\nThe answer is $\\boxed{144}$.", "What is 12 * 12?"),
    ("Решите уравнение 2x = 10.\n\nРешение:\nx = 5", "Решите уравнение 2x = 10."),
    ("Quanto fa 7 per 8?\n\nRisposta: 56", "Quanto fa 7 per 8?"),
    ("«Какая самая длинная река в мире?»", "Какая самая длинная река в мире?"),
    ("„Was ist Photosynthese?“", "Was ist Photosynthese?"),
    ("```\nWrite a short story about a lighthouse keeper.\n```", "Write a short story about a lighthouse keeper."),
    ("Name five countries in Africa.\n\nI hope this helps!", "Name five countries in Africa."),
    ("What is a black hole?\n\n(Note: This question is suitable for beginners.)", "What is a black hole?"),
    ("Give a synonym for fast.\n\nCategory: vocabulary\nDifficulty: easy", "Give a synonym for fast."),
    ("Tell me about Rome.\nuser", "Tell me about Rome."),
    ("What's 5+5?\n\nAssistant: 10\n\nUser: Thanks!\n\nAssistant: You're welcome!", "What's 5+5?"),
    ("I'm here to help! What would you like to know?", ""),
    ("Answer: The capital is Paris.", ""),
    ("Natürlich! Wie kann ich Ihnen helfen?", ""),
    ("~~~\nWrite a haiku.\n~~~", "Write a haiku."),
    (
        "~~~text\nWhat does this do?\n```python\nx = 1\n```\n~~~",
        "What does this do?\n```python\nx = 1\n```",
    ),
    ("````\nFix `x`.\n```\nx = 1\n```\n````", "Fix `x`.\n```\nx = 1\n```"),
    ("Great! Here is a question for you: What is ice?", "What is ice?"),
    ("OK, the user's question is: What is ice?", "What is ice?"),
    ("Sure here's a prompt:\n\nName three rivers.", "Name three rivers."),
    ("네, 질문입니다: 얼음은 무엇입니까?", "얼음은 무엇입니까?"),
    ("Hier ist eine Rechenaufgabe: Was ist 3 mal 4?", "Was ist 3 mal 4?"),
    ("__What is the capital of Peru?__", "What is the capital of Peru?"),
    ('What is the capital of Peru?"', "What is the capital of Peru?"),
    ("Answer: Mark Twain.", ""),
    ("What is 3 + 4?\n\nSolution: Add the numbers one by one: 7.", "What is 3 + 4?"),
    ("<question>What is an atom?</question>", "What is an atom?"),
    ("Q: Is water wet?", "Is water wet?"),
    ("What do you call a baby kangaroo? (Answer: a joey)", "What do you call a baby kangaroo?"),
]
CLEAN = [
    "Translate into French:\n\nAnswer: I do not know.",
    "Correct the grammar.\n\nAssistant: He go to school every day.",
    "Summarize the article below.\n\nTitle: Cats\nCats are nice. Here are some facts.",
    "What does the label 'Answer:' mean on a form?",
    "Write a poem.\n\nIt should rhyme.\n\nLet us say it has four stanzas.",
    "I have two questions.\n\n1. What is AI?\n2. Is it safe?",
    "Solve:\n\nStep 1: 2x = 4\nStep 2: x = ?",
    "Fill in the blanks.\n\nAnswer: ____",
    "Given the function f(x) = x^2.\n\nLet g(x) = f(x) + 1. Find g(2).",
    "Consider the triangle ABC.\n\nLet M be the midpoint of AB. Prove that CM is a median.",
    "My essay begins like this.\n\nSure, everyone likes dogs. But why?",
    "Is this email ok?\n\nDear Ann,\nThank you for your reply.\nBest, Tom",
    "How many moons has Mars? Answer in one word.",
    "What is 2+2? Please answer: yes or no, is it four?",
    "Write the dialogue.\n\nTom: Hi.\nAnn: Hello.",
    "Rate my answer.\n\nMy answer: 42",
    "What are the pros and cons of nuclear power? Include a table.\n\nTherefore state your own opinion.",
    "```python\nprint(1)\n```",
    "~~~\nprint(1)\n~~~\nWhat does it print?\n~~~\n2\n~~~",
    '"Hello" and "goodbye" in Swahili',
    "Dear assistant, can you help me write a letter?",
    "Here is my problem: I can't sleep.",
    "Here are the ingredients:\n- eggs\n- flour\nWhat can I bake?",
    "Task: buy milk\nTask: walk the dog\nPlan my day.",
    "Sort these:\nA. pear\nB. apple",
    "User: admin\nPassword: hunter2\n\nIs this login safe?",
    "Kannst du mir helfen?\n\nIch habe morgen eine Prüfung. Also, was soll ich tun?",
    "请翻译成英文:\n\n答案:我不知道。",
    "Explain the difference between model and view.\n\nUse Django as an example.",
    "What is HTML's <s> tag?",
    "How does <|im_end|> work in ChatML?",
    "Make a quiz with questions like this:\n\nQuestion: What is 1+1?\nAnswer: 2",
    "The solution is clear. What comes next?",
    "Design a form with these fields:\n\nName: text\nAnswer: text",
    "Complete the sentence.\n\nThe answer is",
    "Our bot said: \"I'm sorry, but I can't assist with that.\" Why?",
    "Output: JSON\nWrite a parser.",
    "Describe the photo.\n\n[image]",
    "Reply to this message:\n\nHi! Sure, I can do that. Let me know.",
    "Let's play chess. I start: e4.",
    "To solve this problem, which algorithm is best: BFS or DFS?",
    # a user's further words, and material
    "Can you fix my code?\n\nHere is the code:\n\n```python\nx = 1\n```",
    "How do I reset my router?\nModel: TP-Link AC1200",
    "What's wrong with my essay?\n\nDear reader, I was born in a small town.",
    "Is my letter good enough?\n\nDear Sir or Madam,\nI am writing to apply.",
    "Pouvez-vous corriger ?\n\nVoici le texte : Je suis aller.",
    "Kannst du helfen?\n\nHier ist mein Code: print(1)",
    "How can I improve my cover letter?\n\nSure, I know it's short. Here it is: I want the job.",
    "Why does it rain?\n\nI understand that clouds form, but not the rest.",
    "Come funziona?\n\nEcco il mio codice: x = 1",
    "¿Puedes ayudarme?\n\nAquí está mi texto: hola.",
    "What is the best phone for me?\n\nBudget: 300\nSize: small",
    "Human: hi\nAI: hello\nHuman:",
    "Translate to German.\n\nThe answer is blowing in the wind.",
    "What did he mean?\n\nSo the man is gone, he said.",
    # a request behind the label of an answer
    "Proof: show that the sum of two even numbers is even.",
    "Translation: translate 'good morning' into Swahili.",
    "Explanation: explain recursion to a child.",
    "Output: write a haiku about rain.",
    "Solution: solve the system x + y = 3, x - y = 1.",
    "Let n be an even integer.\n\nProof: show that n^2 is even.",
    "Let n be an even integer. Proof: show that n^2 is even.",
    # words that only begin as others do
    "Oklahoma history question: Who founded Tulsa?",
    "Great Gatsby essay prompt: Why does Nick tell the story?",
    "OK Computer review task: Rate each song.",
    "Sure Start programme question: Whom did it serve?",
    "Hierarchy problem: Why is gravity so weak?",
    "User interface design problem: Where should the button be?",
    "Try catch problem: Why is the error not caught?",
    "Claro network problem: No signal at home.",
    "네트워크 문제: 인터넷이 안 됩니다.",
    "Here is the jQuery code: What does it do?",
    "Here is a multitask learning setup: Which loss fits?",
    "Plan a party for ten.\n\nThis is all we can spend: 50 euros.",
    "Write a poem about cats.\n\nIt is also important that it rhymes.",
    "Diketahui f(x) = 2x + 1.\n\nTentukan f(3).",
    "Bir şiir yaz.\n\nBu biraz uzun olsun.",
    "Describe a flight.\n\nNote for the aircraft: it is an A320.",
    # marks that do not wrap
    'How tall is a screen of 12"',
    'What is the curvature of y = f(x), given y"',
    "__init__",
    "__name__",
    "",
    "  leading and trailing space stays  ",
]
PIECES = ["Answer:", "\n", "A) ", "?", '"', "```", "Step 1:", "x ", "**", "# ", "User:"]


@pytest.mark.parametrize(("written", "kept"), ADDED)
def test_what_a_model_added_is_taken_off_in_any_language(written: str, kept: str) -> None:
    found, rules = sanitize(written, ALL)
    assert found == kept
    assert rules


@pytest.mark.parametrize("clean", CLEAN)
def test_a_request_that_only_looks_like_it_is_not_touched(clean: str) -> None:
    assert sanitize(clean, ALL) == (clean, None)


@pytest.mark.parametrize(
    ("written", "kept", "rules"),
    [
        ("Question: What is 2 + 2?\nAnswer: 4", "What is 2 + 2?", {"answer_label", "question_label"}),
        ('"Question: What is love?"', "What is love?", {"question_label", "wrapping_quotes"}),
        (
            "```\n**Task:** Say hi.\n\n**Output:** hi\n```",
            "Say hi.",
            {"wrapping_fence", "answer_label", "question_label"},
        ),
    ],
)
def test_rules_are_applied_until_none_changes_the_text(written: str, kept: str, rules: set[str]) -> None:
    found, fired = sanitize(written, ALL)
    assert found == kept
    assert set(str(fired).split("+")) == rules


@pytest.mark.skipif(not PLANTED.exists(), reason="needs data/planted.jsonl of MAGPIE_TEST_DATA")
def test_planted_texts_come_out_exactly_and_clean_ones_are_not_changed() -> None:
    """The same as `python -m bench.sanitizing`."""
    found = measure(read(PLANTED), ALL)
    planted, clean = total(found, clean=False), total(found, clean=True)
    assert sum(planted.right) >= 0.95 * sum(planted.seen)
    assert sum(clean.right) >= 0.99 * sum(clean.seen)


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("**Correct Answer:** B", Label("answer", "correct answer", None, "colon", "B")),
        ("## Step 2: Solve", Label("step", "step", "2", "colon", "Solve")),
        ("\u6b65\u9aa41:\u6c42\u548c", Label("step", "\u6b65\u9aa4", "1", "colon", "\u6c42\u548c")),
        ("[ASSISTANT] Yes.", Label("assistant", "assistant", None, "bracket", "Yes.")),
        ("### Solution", Label("answer", "solution", None, "heading", "")),
        ("R\u00e9ponse : quatre", Label("answer", "r\u00e9ponse", None, "colon", "quatre")),
        ("Input: 5", Label("other", "input", None, "colon", "5")),
        ("https://example.com", None),
        ("The answer is B.", None),
        ("Solution", None),
    ],
)
def test_a_label_is_read_with_its_kind_and_what_stands_behind_it(line: str, label: Label | None) -> None:
    assert read_label(line) == label


def test_structure_is_read_around_fences_and_choices() -> None:
    lines = read_lines("Which?\nA) x\n\nB) y\n\n```\nAnswer: 1\n\nA) z\n```\nend")
    assert options(lines) == (1, 3)
    assert [line.fenced for line in lines] == [False] * 5 + [True] * 5 + [False]
    assert paragraphs(lines) == [(0, 2), (3, 4), (5, 11)]


def test_a_fence_is_closed_by_one_of_its_kind_and_length() -> None:
    lines = read_lines("~~~\n```\nx\n~~~\nend\n````\n```\ny\n````\nend")
    assert [line.fenced for line in lines] == [True] * 4 + [False] + [True] * 4 + [False]


def test_without_rules_nothing_happens() -> None:
    assert sanitize("Question: why?", ()) == ("Question: why?", None)


def test_all_is_every_rule_and_an_unknown_one_is_refused() -> None:
    assert rule_names(["all"]) == ALL
    assert rule_names(["label", "remark"]) == ("label", "remark")
    with pytest.raises(RecipeError, match=r"'polish'.*all, special_token"):
        sanitize("x", ("polish",))


def test_every_family_names_rules_that_exist_and_fledgling_those_of_its_runs() -> None:
    named = {family.name: family.sanitize for family in families()}
    assert named["fledgling"] == ("label", "answer_after", "quotes", "fence", "role_edge")
    assert {rules for name, rules in named.items() if name != "fledgling"} == {ALL}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=80) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_a_rule_that_fires_changes_the_text_and_a_second_time_nothing_changes(text: str) -> None:
    found, rule = sanitize(text, ALL)
    assert (rule is None) == (found == text)
    assert sanitize(found, ALL) == (found, None)
