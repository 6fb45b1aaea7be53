"""Text becomes words and signs with exact columns, within limits that keep an expression readable."""

import pytest

from callguard.rules.language.lexer import LONGEST, MOST, ExpressionError, Token, tokenize


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokenize(text)[:-1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("customer.raised_voice>=0.6", [("name", "customer.raised_voice"), ("symbol", ">="), ("number", "0.6")]),
        ("a<b==c", [("name", "a"), ("symbol", "<"), ("name", "b"), ("symbol", "=="), ("name", "c")]),
        ("a!=b<=c>d", [("name", "a"), ("symbol", "!="), ("name", "b"), ("symbol", "<="), ("name", "c"),
                       ("symbol", ">"), ("name", "d")]),
        ("(1+2)*3/4-5,", [("symbol", "("), ("number", "1"), ("symbol", "+"), ("number", "2"), ("symbol", ")"),
                          ("symbol", "*"), ("number", "3"), ("symbol", "/"), ("number", "4"), ("symbol", "-"),
                          ("number", "5"), ("symbol", ",")]),
        ("1. .5 1e3 2.5E-2", [("number", "1."), ("number", ".5"), ("number", "1e3"), ("number", "2.5E-2")]),
        ("10s 500ms 1m30s", [("duration", "10s"), ("duration", "500ms"), ("duration", "1m30s")]),
        ("_a1.b_2", [("name", "_a1.b_2")]),
    ],
)  # fmt: skip
def test_words_and_signs_are_told_apart(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


def test_offsets_are_exact_and_the_end_is_a_token_of_its_own() -> None:
    assert tokenize(" a  > 1") == [
        Token("name", "a", 1, 2), Token("symbol", ">", 4, 5), Token("number", "1", 6, 7), Token("end", "", 7, 7),
    ]  # fmt: skip
    assert tokenize("") == [Token("end", "", 0, 0)]


@pytest.mark.parametrize(
    ("character", "hint"),
    [("=", "; write =="), ("&", "; write and"), ("|", "; write or"), ("!", "; write not"), (";", "; write and"),
     ("%", "; write a share such as 0.8"), ("é", ""), ("[", "")],
)  # fmt: skip
def test_other_characters_are_refused_with_what_to_write_instead(character: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        tokenize(f"a {character} 1")
    assert str(caught.value) == f"column 3: unexpected character {character!r}{hint}"
    assert (caught.value.line, caught.value.column) == (1, 3)


def test_in_several_lines_the_line_is_told() -> None:
    with pytest.raises(ExpressionError, match=r"^line 2 column 4: ") as caught:
        tokenize("a >\n  b?")
    assert (caught.value.line, caught.value.column) == (2, 4)


def test_one_line_with_a_line_end_is_one_line() -> None:
    with pytest.raises(ExpressionError, match=r"^column 3: "):
        tokenize("a ?\n")


def test_length_is_limited() -> None:
    assert len(tokenize("a" * LONGEST)) == 2
    with pytest.raises(ExpressionError, match=f"longer than {LONGEST} characters"):
        tokenize("a" * (LONGEST + 1))


def test_words_are_limited() -> None:
    assert len(tokenize("1 " * MOST)) == MOST + 1
    with pytest.raises(ExpressionError, match=f"more than {MOST} words and signs"):
        tokenize("1 " * (MOST + 1))
