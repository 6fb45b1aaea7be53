"""YAML is read as plain data only, and every problem names file and line."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callguard.config.source import DEEPEST, MOST_NODES, ConfigError, Document, read_document

NO_ALIAS = "an alias (*…) that nothing defines; put text that begins with * in quotes"


class Phone(BaseModel):
    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(pattern="^PJSIP/", examples=["PJSIP/ann", "PJSIP/bob"])
    rings_s: float = Field(5, gt=0, alias="rings")


class Team(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phones: dict[str, Phone] = {}
    more: list[Phone] = []


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_document("f", text)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def problems(text: str) -> list[str]:
    document = read_document("f", text)
    with pytest.raises(ValidationError) as caught:
        Team.model_validate(document.data)
    return document.problems(caught.value, Team)


def test_plain_data_is_built_as_it_is_written() -> None:
    text = "a: [1, 2.5, true, null, word]\nb: {c: '5', d: 2026-01-02}\ne: &x [1]\nf: *x\noff: off"
    assert read_document("f", text).data == {
        "a": [1, 2.5, True, None, "word"],
        "b": {"c": "5", "d": "2026-01-02"},
        "e": [1],
        "f": [1],
        "off": False,
    }


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_an_empty_document_is_an_empty_mapping(text: str) -> None:
    assert read_document("f", text).data == {}


def test_what_the_mapping_should_hold_is_said() -> None:
    with pytest.raises(ConfigError, match=r"^f:1: found a list, expected a mapping of sections$"):
        read_document("f", "- a", holding="sections")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "f:2: key 'a' stands twice"),
        ("a:\n  ? [b]\n  : 1", "f:2: a key must be a word"),
        ("a:\n  b: !secret x", "f:2: a tag (!…) is not allowed; put text that begins with ! in quotes"),
        ("a:\n- !!python/name:os.system x", "f:2: a tag (!…) is not allowed; put text that begins with ! in quotes"),
        ("a: !!set {b}", "f:1: a tag (!…) is not allowed; put text that begins with ! in quotes"),
        ("a: !!int b", "f:1: not of its tag's type; put it in quotes if it is text"),
        ("a: 1\nb: *nothing", f"f:2: not valid YAML: {NO_ALIAS}"),
        ("a: 1\nb: [1", "f:2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: &x [*x]", "f:1: too deep or too large (an alias that refers to itself?)"),
    ],
)  # fmt: skip
def test_what_is_no_plain_data_is_refused_with_its_line(text: str, problem: str) -> None:
    (found,) = refused(text)
    assert found == problem or (found.startswith("f:1: not valid YAML: ") and "[1" in text)


def test_nesting_is_bounded() -> None:
    def nested(depth: int) -> str:
        return "a: " + "[" * depth + "]" * depth

    assert read_document("f", nested(DEEPEST)).data
    assert refused(nested(DEEPEST + 1)) == ["f:1: too deep or too large (an alias that refers to itself?)"]
    assert refused("[" * 20_000)[0].startswith("f:1: ")


def test_aliases_can_not_expand_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join(f'*a{level - 1}' for _ in range(10))}]" for level in range(1, 6)]
    assert "too large" in refused("\n".join(lines))[0]
    assert len(read_document("f", "a: [" + "1," * (MOST_NODES - 100) + "]").data["a"]) == MOST_NODES - 100


def test_a_place_is_the_line_of_the_key_path_or_of_its_nearest_parent() -> None:
    document = read_document("f", "a: 1\nb:\n  - c: 2\n  - c: 3\n")
    paths = [("b", 1, "c"), ("b", 1, "d"), ("b", 7), ("none",), ()]
    assert [document.place(path) for path in paths] == ["f:4", "f:4", "f:3", "f:1", "f:1"]
    assert document.at(("b", 0, "c"), "wrong") == "f:3: wrong"
    assert Document("f", {}, None).place(("a",)) == "f:1"


def test_a_line_within_a_block_is_counted_from_below_its_key() -> None:
    document = read_document("f", "a: one line\nb: |\n  first\n  second\n")
    assert document.line_within(("a",), 1) == 1
    assert [document.line_within(("b",), line) for line in (1, 2)] == [3, 4]


def test_an_unknown_key_is_told_with_the_nearest_one_and_all_that_are_allowed() -> None:
    assert problems("phones:\n  ann:\n    endpoint: PJSIP/ann\n    ring: 5") == [
        "f:4: phones.ann.ring: unknown key; did you mean 'rings'?; allowed: endpoint, rings"
    ]
    assert problems("xyz: 1") == ["f:1: xyz: unknown key; allowed: phones, more"]


def test_a_wrong_value_below_a_name_or_in_a_list_is_told_with_its_path() -> None:
    assert problems("more:\n- endpoint: PJSIP/a\n- endpoint: PJSIP/b\n  rings: -1") == [
        "f:4: more.1.rings: must be above 0, found -1"
    ]
    assert problems("phones: {ann: {rings: 3}}") == ["f:1: phones.ann.endpoint: missing, must be given"]


def test_a_pattern_is_told_by_its_examples() -> None:
    assert problems("more: [{endpoint: SIP/a}]") == [
        "f:1: more.0.endpoint: must look like PJSIP/ann or PJSIP/bob, found 'SIP/a'"
    ]


def test_a_problem_within_a_rule_names_the_rule() -> None:
    class Rule(BaseModel):
        alert: str
        hold: float = 0

    class Group(BaseModel):
        rules: list[Rule]

    class Rules(BaseModel):
        groups: list[Group]

    document = read_document("f", "groups:\n- rules:\n  - alert: Loud\n    hold: long")
    with pytest.raises(ValidationError) as caught:
        Rules.model_validate(document.data)
    assert document.problems(caught.value, Rules) == [
        "f:4: rule Loud: groups.0.rules.0.hold: expected a number, found 'long'"
    ]
