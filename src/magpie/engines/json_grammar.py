"""A JSON schema as a grammar for llama.cpp, without the white space in which small models lose themselves.

llama.cpp's own translation allows line ends and twenty spaces before every token, and takes a schema that is none for
"anything". Covers objects with given properties, lists, choices, texts, numbers, truth values and alternatives; says of
anything else that it does not know it. Knows no engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from magpie.seams import Choice, JsonSchema, Structure

_RULES = {
    "string": r'"\"" ( [^"\\\x7F\x00-\x1F] | "\\" ( ["\\bfnrt/] | "u" [0-9a-fA-F]{4} ) )* "\""',
    "integer": '"-"? ( "0" | [1-9] [0-9]{0,15} )',
    "number": 'integer ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,3} )?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "gap": '" "?',
}
_KNOWN = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": set[str](),
    "integer": set[str](),
    "number": set[str](),
    "boolean": set[str](),
    "null": set[str](),
}
_SAID = {"title", "description", "$schema", "default", "examples"}
"""Keywords that constrain nothing."""


class UnknownSchema(ValueError):
    """The schema says something that has no translation here."""


def structure_grammar(structure: Structure) -> str:
    """GBNF of the texts that a request allows. Raises `UnknownSchema`.

    structure_grammar(Choice(("yes", "no")))  # 'root ::= "yes" | "no"'
    """
    match structure:
        case Choice(options):
            return f"root ::= {' | '.join(map(literal, options))}"
        case JsonSchema(schema):
            try:
                return json_grammar(orjson.loads(schema))
            except orjson.JSONDecodeError as error:
                raise UnknownSchema(f"it is no JSON ({error})") from error


def json_grammar(schema: Mapping[str, Any]) -> str:
    """GBNF whose texts are JSON that fits `schema`, properties in their order. Raises `UnknownSchema`.

    Every property is written, also one that is not required: a judge that may leave something out does.
    """
    try:
        return _grammar(schema)
    except (AttributeError, TypeError, RecursionError) as error:  # a list of properties, a number of choices, ...
        raise UnknownSchema(f"it is no JSON schema: {error}") from error


def _grammar(schema: Mapping[str, Any]) -> str:
    return "\n".join([f"root ::= {_rule(schema)}", *(f"{name} ::= {body}" for name, body in _RULES.items())])


def literal(text: str) -> str:
    """A text as grammars write it: everything but plain letters by its code point."""
    plain = [c if c.isascii() and (c.isalnum() or c in " _-.,:;!?") else f"\\U{ord(c):08X}" for c in text]
    return f'"{"".join(plain)}"'


def _rule(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        raise UnknownSchema(f"expected an object of keywords, found {schema!r}")
    said = {key: value for key, value in schema.items() if key not in _SAID}
    if "const" in said:
        return _values([said["const"]])
    if "enum" in said:
        return _values(said["enum"])
    if "anyOf" in said:
        return _alternatives(said)
    kind = said.pop("type", None)
    if not isinstance(kind, str) or kind not in _KNOWN:
        raise UnknownSchema(f"the type {kind!r} is not among {', '.join(_KNOWN)}")
    if strange := sorted(set(said) - _KNOWN[kind]):
        raise UnknownSchema(f"the keyword {strange[0]!r} of type {kind!r} is not known")
    if kind == "object":
        return _object(said.get("properties", {}))
    return _array(said) if kind == "array" else kind


def _alternatives(said: Mapping[str, Any]) -> str:
    if beside := sorted(set(said) - {"anyOf"}):
        raise UnknownSchema(f"the keyword {beside[0]!r} beside 'anyOf' is not known")
    if not said["anyOf"]:
        raise UnknownSchema("there is nothing to choose from")
    return f"( {' | '.join(map(_rule, said['anyOf']))} )"


def _values(values: Any) -> str:
    if not values:
        raise UnknownSchema("there is nothing to choose from")
    return f"( {' | '.join(literal(json.dumps(value, ensure_ascii=False)) for value in values)} )"


def _object(properties: Mapping[str, Any]) -> str:
    pairs = [f"{literal(json.dumps(name) + ':')} gap {_rule(below)}" for name, below in properties.items()]
    inside = ' "," gap '.join(pairs)
    return f'"{{" {inside} "}}"'


def _array(said: Mapping[str, Any]) -> str:
    if "items" not in said:
        raise UnknownSchema("a list without 'items' may hold anything")
    item, least, most = _rule(said["items"]), said.get("minItems", 0), said.get("maxItems")
    if most == 0:
        return '"[" "]"'
    more = f'( "," gap {item} ){{{max(0, least - 1)},{"" if most is None else most - 1}}}'
    return f'"[" {item} {more} "]"' if least else f'"[" ( {item} {more} )? "]"'
