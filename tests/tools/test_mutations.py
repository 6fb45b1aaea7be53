"""Code is made wrong where behaviour lives, and nowhere else; a seed draws the same changes again."""

import random
from pathlib import Path

import pytest

from tools.mutations import DROP, Mutation, mutations

HERE = Path("m.py")


def changes(source: str) -> set[str]:
    """Return every line that a change would make, over many draws."""
    found: set[str] = set()
    for seed in range(40):
        for each in mutations(HERE, source, random.Random(seed)):
            lines = each.apply(source).splitlines()
            found |= {line.strip() for line in lines if line not in source.splitlines()}
    return found


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("return a or b", {"return a and b"}),
        ("return a < 5", {"return a <= 5", "return a > 5", "return a >= 5", "return a < 6", "return a < 4"}),
        ("return a == b", {"return a != b"}),
        ("return a is None", {"return a is not None"}),
        ("return a + b", {"return a - b"}),
        ("return not a", {"return  a"}),
        ("self.end('hand-off')", {"pass"}),
        ("self.ended = b", {"pass"}),
        ("await b.end()", {"pass"}),
    ],
)
def test_each_kind_of_mistake_is_made(statement: str, wrong: set[str]) -> None:
    assert changes(f"async def f(self, a, b):\n    {statement}\n") == wrong


@pytest.mark.parametrize(
    "source",
    [
        "LIMIT = 5\n",
        "def f(a: int | None) -> int | None:\n    return a\n",
        "@cached(size=5)\ndef f(a):\n    return a\n",
        "def f(a):\n    log.info('said', n=5)\n",
        "class A:\n    size: int = 5\n    def __init__(self, a):\n        self.a = a\n",
        "def f(a):\n    import b\n",
        "def f(a):\n    return a(1_000, 250.0, 0o640)\n",
        'def f(a):\n    """Say 5 or 6."""\n',
    ],
)
def test_what_no_test_of_behaviour_can_notice_is_left_alone(source: str) -> None:
    assert changes(source) == set()


def test_each_place_is_changed_once_and_a_seed_draws_the_same_again() -> None:
    source = "def f(a, b):\n    a.end()\n    return a < b or a + b > 5\n"
    drawn = mutations(HERE, source, random.Random(1))
    assert len(drawn) == 6
    assert drawn == mutations(HERE, source, random.Random(1))
    assert {each.line for each in drawn} == {2, 3}
    assert str(Mutation(HERE, "core/AddNot", 0, 3)) == "m.py:3 AddNot"


def test_a_change_that_can_not_be_made_is_an_error() -> None:
    with pytest.raises(ValueError, match="can't be made here"):
        Mutation(HERE, DROP, 3, 1).apply("def f():\n    g()\n")
    with pytest.raises(SyntaxError):
        Mutation(HERE, "core/ReplaceBinaryOperator_BitOr_BitAnd", 0, 3).apply(
            "def f(a):\n    match a:\n        case 1 | 2:\n            return 3\n"
        )
