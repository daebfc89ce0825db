"""Coding & Debugging, lines of code: a loop over numbers, an SQL query, what an error message means."""

import re
from random import Random

from fledgling.families.coding import NAMES, fenced
from fledgling.family import NUMBER, Difficulty, Family, FollowUp, Form, Slot, Slots, draw_each, one_of
from fledgling.words import words

# -- a loop ------------------------------------------------------------------------------------------------------------

# what is printed of each number -> Python
PRINTED = {
    "": "i",
    "the square of ": "i ** 2",
    "the double of ": "i * 2",
    "the cube of ": "i ** 3",
    "half of ": "i / 2",
}
LOOP_SLOTS = {"what": Slot("|".join(PRINTED), tuple(PRINTED)), "a": NUMBER, "b": NUMBER}


def draw_loop(rng: Random) -> Slots:
    a = rng.randint(1, 30)
    return {"what": rng.choice(list(PRINTED)), "a": str(a), "b": str(a + rng.randint(2, 60))}


def ends_of(slots: Slots) -> tuple[int, int]:
    return int(slots["a"]), int(slots["b"])


def reply_loop(slots: Slots) -> str:
    a, b = ends_of(slots)
    code = f"for i in range({a}, {b + 1}):\n    print({PRINTED[slots['what']]})"
    return f"{fenced(code)}\nThe last number is {b}, because range stops before {b + 1}."


def comprehension(first: Slots, _: Slots) -> str:
    a, b = ends_of(first)
    code = f"[{PRINTED[first['what']]} for i in range({a}, {b + 1})]"
    return f"As a list:\n{fenced(code)}"


AS_LIST = FollowUp(
    form=Form(
        (
            "Can I get them as a list instead?",
            "And as a list comprehension?",
            "Now put them into a list.",
            "How do I make a list of these?",
            "I would rather have a list.",
        )
    ),
    reply=comprehension,
)

LOOP = Family(
    name="loop",
    category="Coding & Debugging",
    form=Form(
        (
            "Write a Python loop that prints {what}every number from {a} to {b}.",
            "How do I print {what}each number from {a} to {b} in Python?",
            "I need a for loop that prints {what}all numbers from {a} to {b}.",
            "Can you write a loop in Python to print {what}every number between {a} and {b}, both included?",
            "Print {what}each number from {a} to {b} with a for loop.",
            "My exercise says: print {what}every number from {a} to {b}. How does that work in Python?",
            "Please show me a loop that goes from {a} to {b} and prints {what}each number.",
            "I am learning about loops. How can I print {what}the numbers from {a} to {b}?",
            "Use a for loop to show {what}every number from {a} up to {b}.",
            "Give me Python code that prints {what}each number, starting at {a} and ending at {b}.",
            "Python: print {what}the numbers {a} to {b}, one per line.",
            "What does a loop look like that prints {what}every number from {a} to {b}?",
            "Help me with a loop. It should start at {a}, stop after {b} and print {what}each number.",
            "Count from {a} to {b} in Python and print {what}every number.",
            "I want to see {what}all numbers from {a} to {b} on my screen. What is the code?",
        ),
        LOOP_SLOTS,
    ),
    draw=draw_loop,
    reply=lambda slots, _: reply_loop(slots),
    sensible=lambda slots: ends_of(slots)[0] < ends_of(slots)[1],
    follow_ups=(AS_LIST,),
    weight=0.9,
    intent="to get a Python loop over numbers",
    knowledge="knowledge of loops in Python",
    difficulty=lambda slots: "easy" if not slots["what"] else "medium",
)

# -- an SQL query ------------------------------------------------------------------------------------------------------

TABLES = words("customers students employees teachers players members users doctors drivers guests authors tenants")
COLUMNS = words("name email city phone country address street language nickname job")
MEASURES = words("height weight score rating level salary balance rank")
COMPARED = {"more than": ">", "less than": "<", "exactly": "=", "at least": ">=", "at most": "<="}
SQL_SLOTS = {
    "table": one_of(TABLES, "[a-z]+"),
    "column": one_of(COLUMNS, "[a-z]+"),
    "measure": one_of(MEASURES, "[a-z]+"),
    "compared": one_of(list(COMPARED)),
    "n": NUMBER,
}


def draw_sql(rng: Random) -> Slots:
    closed = {name: slot for name, slot in SQL_SLOTS.items() if slot.words}
    return {**draw_each(closed)(rng), "n": str(rng.randint(1, 20) * rng.choice([1, 5, 10]))}


def query(slots: Slots, columns: str, order: str = "") -> str:
    where = f"WHERE {slots['measure']} {COMPARED[slots['compared']]} {slots['n']}"
    return f"```sql\nSELECT {columns} FROM {slots['table']}\n{where}{order};\n```"


def order_by(slots: Slots) -> str:
    return f"\nORDER BY {slots['column']}"


HOW_MANY = FollowUp(
    form=Form(
        (
            "How do I just count them?",
            "And if I only want to know how many there are?",
            "Now count them instead.",
            "How would I count these rows?",
            "I only need the number of them.",
        )
    ),
    reply=lambda first, _: f"Use COUNT:\n{query(first, 'COUNT(*)')}",
)
SORTED = FollowUp(
    form=Form(
        (
            "Can you sort the result?",
            "Now sort them, please.",
            "And in alphabetical order?",
            "How do I sort that?",
            "I want the result in order.",
        )
    ),
    reply=lambda first, _: f"Add ORDER BY:\n{query(first, first['column'], order_by(first))}",
)

SQL = Family(
    name="sql",
    category="Coding & Debugging",
    form=Form(
        (
            "Write an SQL query for the {column} of all {table} whose {measure} is {compared} {n}.",
            "How do I select the {column} of {table} with a {measure} of {compared} {n} in SQL?",
            "I have a table called {table}. I need the {column} where {measure} is {compared} {n}.",
            "Show me an SQL query on the table {table}: the {column} if the {measure} is {compared} {n}.",
            "From the table {table}, get the {column} where the {measure} is {compared} {n}. Which SQL do I need?",
            "In SQL, how can I find the {column} of {table} when their {measure} is {compared} {n}?",
            "Please write a query. It should list the {column} of {table} with {measure} {compared} {n}.",
            "My boss wants the {column} of all {table} whose {measure} is {compared} {n}. What is the SQL for that?",
            "SQL question: select {column} from {table} if {measure} is {compared} {n}.",
            "Our database has a table {table}. How do I get the {column} for a {measure} of {compared} {n}?",
            "I am new to databases. How do I ask for the {column} of {table} with a {measure} of {compared} {n}?",
            "Give me the query that finds the {column} of those {table} whose {measure} is {compared} {n}.",
            "Can you help me with SQL? I want the {column} of {table}, but only if the {measure} is {compared} {n}.",
            "Write a SELECT statement for {table}. It should show {column} where {measure} is {compared} {n}.",
            "What query gives me the {column} of {table} if {measure} must be {compared} {n}?",
        ),
        SQL_SLOTS,
    ),
    draw=draw_sql,
    reply=lambda slots, _: query(slots, slots["column"]),
    follow_ups=(HOW_MANY, SORTED),
    weight=0.9,
    intent="to get an SQL query",
    knowledge="knowledge of SQL",
    difficulty=lambda _: "medium",
)

# -- what an error means -----------------------------------------------------------------------------------------------

# the message -> what it means and what to do; {x} is a name from the user's program
ERRORS = {
    "NameError: name '{x}' is not defined": (
        "Python does not know the name {x}. Give {x} a value before you use it, and check how you spelled it."
    ),
    "KeyError: '{x}'": (
        "the dictionary has no key '{x}'. Check how you spelled the key, or use .get('{x}') to get None instead."
    ),
    "ModuleNotFoundError: No module named '{x}'": (
        "Python cannot find a module called {x}. Check the name, or install the package that holds it."
    ),
    "AttributeError: 'list' object has no attribute '{x}'": (
        "you ask a list for {x}, and lists have nothing of that name. Check whether it should really be a list."
    ),
    "AttributeError: 'NoneType' object has no attribute '{x}'": (
        "you use {x} on a value that is None. Find out why that value was never set."
    ),
    "FileNotFoundError: No such file or directory: '{x}.txt'": (
        "Python cannot find the file {x}.txt. Check its name and the folder in which you run the program."
    ),
    "TypeError: {x}() takes 1 positional argument but 2 were given": (
        "the function {x} wants one argument and you gave it two. Look at its def line and at your call."
    ),
    "TypeError: {x}() missing 1 required positional argument": (
        "you called {x} without an argument that it needs. Look at its def line and add the value."
    ),
    "ValueError: invalid literal for int() with base 10: '{x}'": (
        "'{x}' is not a whole number, so int() cannot convert it. Check the text before you convert it."
    ),
    "ZeroDivisionError: division by zero in {x}": (
        "the code in {x} divides by zero. Check that the number below the line is not 0 before you divide."
    ),
    "IndexError: list index out of range in {x}": (
        "the code in {x} asks for an item that the list does not have. Remember that the first index is 0."
    ),
    "RecursionError: maximum recursion depth exceeded in {x}": (
        "the function {x} calls itself without end. Give it a case in which it stops."
    ),
}
VARIABLES = (*NAMES, *words("total count price user age score name total_price file_name user_name index row config"))
MESSAGES = tuple((re.compile(re.escape(message).replace(r"\{x\}", "([a-z_]+)")), message) for message in ERRORS)


def draw_error(rng: Random) -> Slots:
    message = rng.choice(list(ERRORS)).format(x=rng.choice(VARIABLES))
    return {"error": message, "line": str(rng.randint(2, 150))}


def read_error(slots: Slots) -> tuple[str, str] | None:
    """(the message, the user's own name in it); None for a message that is not in the list."""
    found = ((pattern.fullmatch(slots["error"]), message) for pattern, message in MESSAGES)
    return next(((message, match[1]) for match, message in found if match), None)


def reply_error(slots: Slots) -> str:
    message, x = read_error(slots) or ("", "")
    return f"It means that in line {slots['line']} {ERRORS[message].format(x=x)}"


def depth_of_error(slots: Slots) -> Difficulty:
    return "medium" if slots["error"].startswith(("Type", "Attribute", "Recursion")) else "easy"


ERROR = Family(
    name="error",
    category="Coding & Debugging",
    form=Form(
        (
            "I get this error in line {line}: {error}",
            "What does this Python error in line {line} mean? {error}",
            "My program stops at line {line} with {error}",
            "Python says {error} in line {line}. What should I do?",
            "How do I fix this? Line {line}: {error}",
            "Can you explain this message? It is about line {line}: {error}",
            "Line {line} of my script gives me {error}",
            "I am stuck. There is an error in line {line} and it says {error}",
            "Why does line {line} fail with {error}?",
            "My code worked yesterday. Now line {line} says {error}",
            "Please help me understand this error from line {line}. {error}",
            "What is wrong in line {line}? Python prints {error}",
            "Error in line {line}! {error}",
            "I ran my homework and got this in line {line}: {error}. What does it mean?",
            "My terminal shows {error} for line {line}. How can I fix it?",
        ),
        {"line": NUMBER, "error": Slot(r"[A-Z][A-Za-z]+: [^\n]+?")},
    ),
    draw=draw_error,
    reply=lambda slots, _: reply_error(slots),
    sensible=lambda slots: read_error(slots) is not None,
    intent="to know what a Python error means",
    knowledge="knowledge of Python errors",
    difficulty=depth_of_error,
)

FAMILIES = (LOOP, SQL, ERROR)
