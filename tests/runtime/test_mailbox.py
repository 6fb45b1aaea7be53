"""Mailboxes: whole messages in order, a poster that never waits, an end that is noticed."""

import time
from collections.abc import Iterator
from multiprocessing import Pipe

import pytest

from callguard.contracts.messages import CloseCall
from callguard.runtime.mailbox import MOST_WAITING, GarbledError, GoneError, Mailbox


@pytest.fixture
def pair() -> Iterator[tuple[Mailbox, Mailbox]]:
    ours, theirs = map(Mailbox, Pipe())
    yield ours, theirs
    ours.close()
    theirs.close()


def received(box: Mailbox, count: int) -> list[object]:
    found: list[object] = []
    while len(found) < count:
        found += box.receive(2)
    return found


def test_messages_arrive_whole_and_in_order(pair: tuple[Mailbox, Mailbox]) -> None:
    ours, theirs = pair
    sent = [CloseCall(str(number)) for number in range(100)]
    for message in sent:
        ours.post(message)
    assert received(theirs, 100) == sent


def test_what_is_put_back_comes_again_before_all_others(pair: tuple[Mailbox, Mailbox]) -> None:
    ours, theirs = pair
    theirs.put_back(["boot's batch"])
    ours.post("later")
    assert theirs.receive(1) == ["boot's batch"]
    assert theirs.receive(1) == ["later"]


def test_nothing_arrives_when_nothing_was_posted(pair: tuple[Mailbox, Mailbox]) -> None:
    assert pair[1].receive(0.01) == []


def test_posting_never_waits_and_what_can_be_spared_is_dropped() -> None:
    ours, theirs = Pipe()
    box = Mailbox(ours)
    big = "x" * 100_000
    start = time.monotonic()
    for _ in range(MOST_WAITING + 50):
        box.post(big, spare=True)
    box.post("needed")
    assert time.monotonic() - start < 1
    assert box.dropped > 0
    reader = Mailbox(theirs)
    messages: list[object] = []
    while "needed" not in messages:
        messages = reader.receive(2)
    box.close()
    reader.close()


def test_the_end_of_the_other_side_is_told(pair: tuple[Mailbox, Mailbox]) -> None:
    ours, theirs = pair
    ours.post("last words")
    ours.close()
    assert theirs.receive(2) == ["last words"]
    with pytest.raises(GoneError):
        theirs.receive(2)
    theirs.post("into the void")


@pytest.mark.parametrize("garbage", [b"", b"nonsense", b"\x80\x04K\x01.", b"cno_such_module\nname\n."])
def test_bytes_that_are_no_message_are_told_and_the_next_one_arrives(garbage: bytes) -> None:
    ours, theirs = Pipe()
    box = Mailbox(theirs)
    ours.send_bytes(garbage)
    ours.send(["whole"])
    with pytest.raises(GarbledError):
        box.receive(2)
    assert box.receive(2) == ["whole"]
    ours.close()
    box.close()
