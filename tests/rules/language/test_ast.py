"""A tree is walked in the order of the text, down to every amount."""

import pytest

from callguard.rules.language.ast import Compare, Logic, Node, Number, Reading, Ref, Rising, Window, children, walk
from callguard.rules.language.parser import parse


def text_of(expr: str, node: Node) -> str:
    return expr[slice(*node.span)]


@pytest.mark.parametrize(
    ("expr", "pieces"),
    [
        ("call.silence_s > 5", ["call.silence_s", "5"]),
        ("not 1 < -call.silence_s", ["1 < -call.silence_s", "1", "-call.silence_s", "call.silence_s"]),
        ("share_above(customer.speech, 0.5, 2s) > 1", ["share_above(customer.speech, 0.5, 2s)", "0.5", "1"]),
        ("max(customer.speech, 2s) > 1", ["max(customer.speech, 2s)", "1"]),
        ("rising(customer.speech, 0.5, 2s)", ["0.5"]),
        ("default(call.on_hold, 0) + 1 > 2", ["default(call.on_hold, 0) + 1", "default(call.on_hold, 0)",
                                               "call.on_hold", "0", "1", "2"]),
    ],
)  # fmt: skip
def test_every_piece_is_found_in_the_order_of_the_text(expr: str, pieces: list[str]) -> None:
    assert [text_of(expr, node) for node in walk(parse(expr))] == [expr, *pieces]


def test_the_parts_of_a_word_are_directly_below_it() -> None:
    expr = "call.silence_s > 1 and call.talk_over > 2 and call.on_hold == 0"
    tree = parse(expr)
    assert isinstance(tree, Logic)
    assert tree.word == "and"
    assert [type(child) for child in children(tree)] == [Compare] * 3


def test_leaves_have_nothing_below() -> None:
    ref = Ref("call", "silence_s")
    for leaf in (Number(1, (0, 1)), Reading(ref, (0, 1)), Window("max", ref, 1.0, (0, 1))):
        assert children(leaf) == ()
    assert children(Rising(ref, Number(1, (0, 1)), 2.0, (0, 9))) == (Number(1, (0, 1)),)


def test_a_signal_is_written_with_its_party() -> None:
    assert str(Ref("customer", "raised_voice")) == "customer.raised_voice"
