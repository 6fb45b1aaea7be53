"""Describe a wrong value in the configuration's words instead of pydantic's: the value found and the allowed values.

A value is shown only where it can't hold a secret. It is never shown where a mapping was expected, and the credentials
in a URL are never shown.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

_CREDENTIALS: Final = re.compile(r"(?<=//)[^/@]*@|(?<=\?).*", re.DOTALL)
"""The parts of a URL that may hold a secret: the credentials before the host, and the query."""
_LONGEST: Final = 60
_SECRET_WORDS: Final = ("password", "secret", "token", "key")
_NAMES: Final = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list",
                 dict: "a mapping", type(None): "nothing"}  # fmt: skip
_SAID: Final = ("missing", "invalid_key", "union_tag_invalid", "union_tag_not_found")
"""Errors whose text names what was found, or that nothing was."""
_SHAPES: Final = ("model_type", "dict_type", "tuple_type", "list_type")

_QUOTE: Final = "'"
_ELSEWHERE: Final = "a secret is not written here; allowed: {env: NAME} or {file: PATH}"

_EXPECTED: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], str]]] = {
    "missing": lambda _, __: "missing, must be given",
    "invalid_key": lambda _, __: "a key must be a word; put it in quotes",
    "literal_error": lambda _, limits: "allowed: " + _listed(limits["expected"]),
    "greater_than": lambda _, limits: f"must be above {limits['gt']:g}",
    "greater_than_equal": lambda _, limits: f"must be at least {limits['ge']:g}",
    "less_than": lambda _, limits: f"must be below {limits['lt']:g}",
    "less_than_equal": lambda _, limits: f"must be at most {limits['le']:g}",
    "finite_number": lambda _, __: "must be a finite number",
    "string_too_short": lambda _, __: "must not be empty",
    "string_too_long": lambda _, limits: f"must be at most {limits['max_length']} characters long",
    "too_short": lambda _, __: "must not be empty",
    "string_type": lambda given, _: "expected text" + ("; put it in quotes" if isinstance(given, int | float) else ""),
    "int_type": lambda _, __: "expected a whole number",
    "int_parsing": lambda _, __: "expected a whole number",
    "int_from_float": lambda _, __: "expected a whole number",
    "float_type": lambda _, __: "expected a number",
    "float_parsing": lambda _, __: "expected a number",
    "bool_type": lambda _, __: "expected true or false",
    "bool_parsing": lambda _, __: "expected true or false",
    "path_type": lambda _, __: "expected a path",
    "tuple_type": lambda _, __: "expected a list",
    "list_type": lambda _, __: "expected a list",
    "dict_type": lambda _, __: "expected a mapping",
    "union_tag_invalid": lambda _, limits: _wrong_tag(limits),
    "union_tag_not_found": lambda _, limits: f"{limits['discriminator'].strip(_QUOTE)}: missing, must be given",
    "model_type": lambda _, limits: _ELSEWHERE if limits.get("class_name") == "Secret" else "expected a mapping",
}


def _listed(literals: str) -> str:
    """Return pydantic's list of literals (`'a', 'b' or False`) without its quotes."""
    return literals.replace("'", "").replace(" or ", ", ").replace("False", "false")


def _wrong_tag(limits: Mapping[str, Any]) -> str:
    """Return the text for a mapping whose kind is none of those that are known."""
    kinds = _listed(limits["expected_tags"])
    near = did_you_mean(limits["tag"], kinds.split(", "))
    return f"{limits['discriminator'].strip(_QUOTE)}: {limits['tag']!r}{near}; allowed: {kinds}"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?", or an empty text where nothing known is near."""
    near = difflib.get_close_matches(given, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def expected(problem: Mapping[str, Any]) -> str:
    """Return the expected value for one of pydantic's errors."""
    words = _EXPECTED.get(problem["type"])
    if words is None:
        return str(problem["msg"]).removeprefix("Value error, ")
    return words(problem.get("input"), problem.get("ctx", {}))


def found(path: str, problem: Mapping[str, Any]) -> str:
    """Return `, found …` for one of pydantic's errors; empty where there was no value."""
    value = problem.get("input")
    if problem["type"] in _SAID or (problem["type"] == "value_error" and isinstance(value, dict)):
        return ""
    if problem["type"] in _SHAPES or isinstance(value, dict | list | tuple):
        return f", found {name_of(value)}"
    if any(word in path.lower() for word in _SECRET_WORDS):
        return ", found <hidden>"
    return f", found {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(_CREDENTIALS.sub("<hidden>", value) if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def name_of(value: object) -> str:
    """Return the kind of a value in words."""
    return _NAMES.get(type(value), "something else")
