"""Coding & Debugging, functions: write a small Python function, mend one, say what one does."""

import ast
import re
from random import Random

from fledgling.family import Difficulty, Family, FollowUp, Form, Slot, Slots
from fledgling.words import sentence, words

# what the function does -> (its argument, its last line, an example argument); {n} is a small number
FUNCTIONS = {
    "adds {n} to a number": ("x", "return x + {n}", "5"),
    "subtracts {n} from a number": ("x", "return x - {n}", "50"),
    "multiplies a number by {n}": ("x", "return x * {n}", "5"),
    "divides a number by {n}": ("x", "return x / {n}", "100"),
    "checks if a number is divisible by {n}": ("x", "return x % {n} == 0", "12"),
    "checks if a number is greater than {n}": ("x", "return x > {n}", "10"),
    "checks if a number is less than {n}": ("x", "return x < {n}", "10"),
    "returns the first {n} items of a list": ("items", "return items[:{n}]", "[1, 2, 3]"),
    "returns the last {n} items of a list": ("items", "return items[-{n}:]", "[1, 2, 3]"),
    "repeats a string {n} times": ("text", "return text * {n}", '"hello"'),
    "returns the sum of a list": ("numbers", "return sum(numbers)", "[1, 2, 3]"),
    "returns the largest number in a list": ("numbers", "return max(numbers)", "[1, 2, 3]"),
    "returns the smallest number in a list": ("numbers", "return min(numbers)", "[1, 2, 3]"),
    "returns the average of a list": ("numbers", "return sum(numbers) / len(numbers)", "[1, 2, 3]"),
    "sorts a list of numbers": ("numbers", "return sorted(numbers)", "[3, 1, 2]"),
    "counts the items in a list": ("items", "return len(items)", "[1, 2, 3]"),
    "reverses a list": ("items", "return items[::-1]", "[1, 2, 3]"),
    "removes duplicates from a list": ("items", "return list(set(items))", "[1, 1, 2]"),
    "reverses a string": ("text", "return text[::-1]", '"hello"'),
    "counts the words in a sentence": ("text", "return len(text.split())", '"hello"'),
    "converts a string to upper case": ("text", "return text.upper()", '"hello"'),
    "converts a string to lower case": ("text", "return text.lower()", '"Hello"'),
    "counts the characters in a string": ("text", "return len(text)", '"hello"'),
    "checks if a word is a palindrome": ("text", "return text == text[::-1]", '"level"'),
    "returns the square of a number": ("x", "return x ** 2", "5"),
    "checks if a number is even": ("x", "return x % 2 == 0", "4"),
    "checks if a number is odd": ("x", "return x % 2 == 1", "4"),
    "checks if a number is negative": ("x", "return x < 0", "4"),
    "checks if a number is positive": ("x", "return x > 0", "4"),
    "returns the first item of a list": ("items", "return items[0]", "[1, 2, 3]"),
    "returns the last item of a list": ("items", "return items[-1]", "[1, 2, 3]"),
    "checks if a list is empty": ("items", "return len(items) == 0", "[1, 2, 3]"),
    "counts the vowels in a string": ("text", 'return sum(c in "aeiou" for c in text)', '"hello"'),
    "removes the spaces from a string": ("text", 'return text.replace(" ", "")', '"a b c"'),
}
NAMES = tuple(
    f"{verb}_{noun}"
    for verb in words("get make run find compute check process my quick new")
    for noun in words("value item result data list text number answer thing output")
)
NAME = Slot("[a-z]+(?:_[a-z]+)*")
PURPOSE = Slot(r"[a-z][a-z0-9 ]+")
BLOCK = Slot(r"[\s\S]+?")


def draw_function(rng: Random) -> Slots:
    purpose = rng.choice(list(FUNCTIONS)).format(n=rng.randint(2, 20))
    return {"name": rng.choice(NAMES), "purpose": purpose}


def plan(slots: Slots) -> tuple[str, str, str] | None:
    """(argument, last line, example) of the function with this purpose; None if no function has it."""
    n = re.search(r"\d+", slots["purpose"])
    key = re.sub(r"\d+", "{n}", slots["purpose"].lower(), count=1)
    if key not in FUNCTIONS:
        return None
    argument, line, example = FUNCTIONS[key]
    return argument, line.format(n=n[0] if n else ""), example


def known_purpose(slots: Slots) -> bool:
    return plan(slots) is not None


def length_of_line(slots: Slots) -> Difficulty:
    line = (plan(slots) or ("", "", ""))[1]
    return "easy" if len(line) < 20 else "medium"


def code_of(slots: Slots) -> str:
    argument, line, _ = plan(slots) or ("", "", "")
    return f"def {slots['name']}({argument}):\n    {line}"


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


# -- write a function --------------------------------------------------------------------------------------------------


OPENINGS = ("Here is the function:", "You can write it like this:", "Sure, here it is:")


def reply_function(slots: Slots, rng: Random) -> str:
    return f"{rng.choice(OPENINGS)}\n{fenced(code_of(slots))}"


def check_function(slots: Slots, reply: str) -> bool:
    return reply in {f"{opening}\n{fenced(code_of(slots))}" for opening in OPENINGS}


def call_it(first: Slots, _: Slots) -> str:
    example = (plan(first) or ("", "", ""))[2]
    call = f"print({first['name']}({example}))"
    return f"For example:\n{fenced(call)}"


HOW_TO_CALL = FollowUp(
    form=Form(
        (
            "How do I call it?",
            "Show me how to use it.",
            "Can you give me an example of how to call it?",
            "And how do I use that?",
            "What does a call look like?",
            "Great. Now give me an example call.",
        )
    ),
    reply=call_it,
    anytime=True,
)


def documented(first: Slots, _: Slots) -> str:
    head, line = code_of(first).split("\n")
    docstring = f'    """{sentence(first["purpose"])}."""'
    return f"With a docstring:\n{fenced(chr(10).join((head, docstring, line)))}"


ADD_DOCSTRING = FollowUp(
    form=Form(
        (
            "Add a docstring, please.",
            "Can you document it?",
            "Please write a docstring for it.",
            "Now with a docstring.",
            "It needs a docstring.",
        )
    ),
    reply=documented,
    anytime=True,
)

WRITE = Family(
    name="write_function",
    category="Coding & Debugging",
    form=Form(
        (
            "Write a Python function called {name} that {purpose}.",
            "Write a function {name} in Python that {purpose}.",
            "I need a Python function {name} that {purpose}.",
            "I need a Python function that {purpose}. Call it {name}.",
            "Can you write a function named {name} that {purpose}?",
            "Please implement {name} in Python. It is a function that {purpose}.",
            "Help me write {name}, a Python function that {purpose}.",
            "I am learning Python. How do I write a function {name} that {purpose}?",
            "Define {name}, a function that {purpose}.",
            "My homework asks for a Python function {name} that {purpose}.",
            "Show me the code of a function called {name} that {purpose}.",
            "For my program I want a function {name} that {purpose}. Can you write it?",
            "Create a small Python function that {purpose} and name it {name}.",
            "How would you write a function that {purpose}? The name should be {name}.",
            "Could you code {name} for me? It is a Python function that {purpose}.",
            "We still need a helper {name} that {purpose}. Please write it in Python.",
            "Python question: what does a function {name} that {purpose} look like?",
        ),
        {"name": NAME, "purpose": PURPOSE},
    ),
    draw=draw_function,
    reply=reply_function,
    check=check_function,
    sensible=known_purpose,
    follow_ups=(HOW_TO_CALL, ADD_DOCSTRING),
    intent="to get a small Python function",
    knowledge="knowledge of Python",
    difficulty=length_of_line,
)

# -- mend a function ---------------------------------------------------------------------------------------------------

# what was wrong -> (right, wrong)
MISTAKES = {
    "The colon at the end of the first line was missing.": ("):\n", ")\n"),
    "A Python function starts with def, not with function.": ("def ", "function "),
    "The word return was misspelled.": ("return ", "retrun "),
    "The second line must be indented.": (":\n    ", ":\n"),
}


def draw_bug(rng: Random) -> Slots:
    right, wrong = rng.choice(list(MISTAKES.values()))
    return {"code": code_of(draw_function(rng)).replace(right, wrong, 1)}


def mended(slots: Slots) -> tuple[str, str] | None:
    """(what was wrong, the code put right); None if none of the known mistakes explains it."""
    for what, (right, wrong) in MISTAKES.items():
        code = slots["code"].replace(wrong, right, 1)
        if wrong in slots["code"] and right not in slots["code"] and is_function(code):
            return what, code
    return None


def is_function(code: str) -> bool:
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return False
    return len(tree.body) == 1 and isinstance(tree.body[0], ast.FunctionDef)


def reply_mended(slots: Slots, _: Random) -> str:
    what, code = mended(slots) or ("", "")
    return f"{what} Here is the fixed code:\n{fenced(code)}"


MEND = Family(
    name="mend_function",
    category="Coding & Debugging",
    form=Form(
        (
            "Fix this code:\n```python\n{code}\n```",
            "What is wrong with this Python code?\n```python\n{code}\n```",
            "My code does not work. Can you find the bug?\n```python\n{code}\n```",
            "Python gives me a syntax error here:\n```python\n{code}\n```",
            "Why does this not run?\n```python\n{code}\n```",
            "Please debug this function for me.\n```python\n{code}\n```",
            "I get an error and I do not see why.\n```python\n{code}\n```",
            "Can you repair this function?\n```python\n{code}\n```",
            "There is a mistake in this code:\n```python\n{code}\n```",
            "I am new to Python. What did I do wrong here?\n```python\n{code}\n```",
            "Find the mistake, please.\n```python\n{code}\n```",
            "My teacher says that this has a bug:\n```python\n{code}\n```",
            "This should work, but it does not.\n```python\n{code}\n```",
            "Help! My program stops here:\n```python\n{code}\n```",
            "Correct this Python function:\n```python\n{code}\n```",
        ),
        {"code": BLOCK},
    ),
    draw=draw_bug,
    reply=reply_mended,
    sensible=lambda slots: mended(slots) is not None,
    intent="to have a bug in a Python function found and fixed",
    knowledge="knowledge of Python syntax",
    difficulty=lambda _: "medium",
)

# -- say what a function does ------------------------------------------------------------------------------------------


def draw_code(rng: Random) -> Slots:
    return {"code": code_of(draw_function(rng))}


def purpose_of(slots: Slots) -> tuple[str, str] | None:
    """(name, purpose) of a function written by this file; None for any other code."""
    match = re.fullmatch(r"def (\w+)\((\w+)\):\n    (.+)", slots["code"])
    if not match:
        return None
    n = re.search(r"\d+", match[3])
    for purpose in FUNCTIONS:
        filled = purpose.format(n=n[0] if n else "")
        if code_of({"name": match[1], "purpose": filled}) == slots["code"]:
            return match[1], filled
    return None


def reply_explained(slots: Slots, _: Random) -> str:
    name, purpose = purpose_of(slots) or ("", "")
    return f"The function {name} {purpose}."


EXPLAIN = Family(
    name="explain_function",
    category="Coding & Debugging",
    form=Form(
        (
            "What does this function do?\n```python\n{code}\n```",
            "Explain this code:\n```python\n{code}\n```",
            "Can you tell me what this Python code does?\n```python\n{code}\n```",
            "I found this function. What is it for?\n```python\n{code}\n```",
            "Describe this function in one sentence.\n```python\n{code}\n```",
            "What is the purpose of this code?\n```python\n{code}\n```",
            "I do not understand this function:\n```python\n{code}\n```",
            "Somebody left this in our project. What does it do?\n```python\n{code}\n```",
            "Please explain in simple words what happens here.\n```python\n{code}\n```",
            "Read this function and tell me what it does.\n```python\n{code}\n```",
            "What would this be good for?\n```python\n{code}\n```",
            "I am reading my first Python book. Can you explain this example?\n```python\n{code}\n```",
            "Summarize this code for a beginner:\n```python\n{code}\n```",
            "Write one sentence of documentation for this:\n```python\n{code}\n```",
            "What will this function do when I call it?\n```python\n{code}\n```",
        ),
        {"code": BLOCK},
    ),
    draw=draw_code,
    reply=reply_explained,
    sensible=lambda slots: purpose_of(slots) is not None,
    intent="to know what a Python function does",
    knowledge="knowledge of Python",
)

FAMILIES = (WRITE, MEND, EXPLAIN)
