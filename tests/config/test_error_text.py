"""What is wrong is said in words of the configuration, and no secret is repeated."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from callguard.config.error_text import expected, found, name_of


class Everything(BaseModel):
    text: str = Field("x", min_length=1, max_length=3)
    number: float = Field(1.0, ge=0, le=10, allow_inf_nan=False)
    whole: int = Field(1, gt=0, lt=5)
    flag: bool = True
    choice: Literal["a", "b", False] = "a"
    several: list[int] = Field([1], min_length=1)
    named: dict[str, int] = {}
    checked: str = ""
    url: str = Field("", pattern="^https:")
    password: int = 0

    @field_validator("checked")
    @classmethod
    def _check(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("is bad, as everybody knows")
        return value


def told(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate(values)
    (problem,) = caught.value.errors()
    path = ".".join(map(str, problem["loc"]))
    return expected(problem) + found(path, problem)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"text": 5}, "expected text; put it in quotes, found 5"),
        ({"text": None}, "expected text, found None"),
        ({"text": ""}, "must not be empty, found ''"),
        ({"text": "abcd"}, "must be at most 3 characters long, found 'abcd'"),
        ({"number": -1}, "must be at least 0, found -1"),
        ({"number": 11}, "must be at most 10, found 11"),
        ({"number": "many"}, "expected a number, found 'many'"),
        ({"number": [1]}, "expected a number, found a list"),
        ({"number": float("inf")}, "must be a finite number, found inf"),
        ({"whole": 0}, "must be above 0, found 0"),
        ({"whole": 5}, "must be below 5, found 5"),
        ({"whole": 1.5}, "expected a whole number, found 1.5"),
        ({"whole": "x"}, "expected a whole number, found 'x'"),
        ({"whole": None}, "expected a whole number, found None"),
        ({"flag": "maybe"}, "expected true or false, found 'maybe'"),
        ({"flag": {"a": 1}}, "expected true or false, found a mapping"),
        ({"choice": "c"}, "allowed: a, b, false, found 'c'"),
        ({"choice": True}, "allowed: a, b, false, found true"),
        ({"several": 1}, "expected a list, found a number"),
        ({"several": []}, "must not be empty, found a list"),
        ({"named": "x"}, "expected a mapping, found text"),
        ({"checked": "bad"}, "is bad, as everybody knows, found 'bad'"),
    ],
)
def test_what_is_allowed_and_what_was_found_is_said_in_words(values: dict[str, Any], text: str) -> None:
    assert told(**values) == text


def test_what_is_missing_was_not_found() -> None:
    problem = {"type": "missing", "input": {"a": 1}}
    assert (expected(problem), found("a.b", problem)) == ("missing, must be given", "")


def test_a_key_that_is_no_word_is_told_without_a_value() -> None:
    problem = {"type": "invalid_key", "input": 5}
    assert (expected(problem), found("a", problem)) == ("a key must be a word; put it in quotes", "")


@pytest.mark.parametrize("path", ["ari.password", "a.secret_file", "console.Token", "api_key"])
def test_the_value_of_a_key_that_sounds_like_a_secret_is_hidden(path: str) -> None:
    assert found(path, {"type": "int_parsing", "input": "hunter2"}) == ", found <hidden>"


@pytest.mark.parametrize("value", [{"hunter2": "x"}, ["hunter2"]])
def test_a_mapping_or_list_is_named_and_not_shown(value: object) -> None:
    assert "hunter2" not in found("url", {"type": "string_type", "input": value})


def test_credentials_and_query_of_a_url_are_hidden() -> None:
    shown = found("url", {"type": "value_error", "input": "redis://ann:hunter2@host/0?password=hunter2"})
    assert shown == ", found 'redis://<hidden>host/0?<hidden>'"


def test_a_long_value_is_cut() -> None:
    assert found("text", {"type": "value_error", "input": "x" * 100}) == f", found '{'x' * 59}…"
    assert found("text", {"type": "value_error", "input": "x" * 58}) == f", found '{'x' * 58}'"


def test_where_a_secret_belongs_is_said() -> None:
    problem = {"type": "model_type", "input": "hunter2", "ctx": {"class_name": "Secret"}}
    assert expected(problem) == "a secret is not written here; allowed: {env: NAME} or {file: PATH}"
    assert found("token", problem) == ", found text"
    assert expected({"type": "model_type", "input": "x", "ctx": {"class_name": "Ari"}}) == "expected a mapping"


def test_what_has_no_words_of_ours_keeps_its_own() -> None:
    assert expected({"type": "new_kind", "msg": "Value error, is odd"}) == "is odd"


@pytest.mark.parametrize(
    ("value", "name"),
    [("", "text"), (True, "true or false"), (1, "a number"), (1.5, "a number"), ([], "a list"), ({}, "a mapping"),
     (None, "nothing"), (object(), "something else")],
)  # fmt: skip
def test_each_kind_of_value_has_a_name(value: object, name: str) -> None:
    assert name_of(value) == name
