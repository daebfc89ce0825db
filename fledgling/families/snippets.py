"""Coding & Debugging, lines of code: a loop over numbers, an SQL query."""

from random import Random

from fledgling.families.coding import fenced
from fledgling.family import NUMBER, Family, FollowUp, Form, Slot, Slots, draw_each, one_of
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

FAMILIES = (LOOP, SQL)
