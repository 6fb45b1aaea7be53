"""Who may send, and who goes when too many connections have not named themselves."""

import socket
from collections.abc import Iterator

import pytest

from callguard.audio.ingest.admission import MAX_OF_SOURCE, MAX_STRANGERS, Sources, Stranger, Strangers


@pytest.mark.parametrize(
    ("allowed", "host", "may"),
    [
        ((), "203.0.113.9", True),
        (("192.0.2.7",), "192.0.2.7", True),
        (("192.0.2.7",), "192.0.2.8", False),
        (("192.0.2.9/24", "::1"), "192.0.2.200", True),
        (("192.0.2.9/24", "::1"), "::1", True),
        (("192.0.2.9/24",), "::1", False),
        (("fe80::/10",), "fe80::1%lo", True),
        (("192.0.2.9/24",), "::ffff:192.0.2.200", True),
        (("192.0.2.9/24",), "::ffff:203.0.113.9", False),
    ],
)
def test_media_may_come_from_allowed_addresses_and_from_any_where_none_is_named(
    allowed: tuple[str, ...], host: str, may: bool
) -> None:
    assert Sources(allowed).allow(host) is may


class Crowd:
    """Strangers and the descriptors of each source, the oldest first."""

    def __init__(self) -> None:
        self.strangers = Strangers()
        self.opened: list[socket.socket] = []

    def come(self, source: str, count: int = 1, deadline: float = 0.0) -> list[int]:
        new = [socket.socket() for _ in range(count)]
        self.opened += new
        for connection in new:
            self.strangers.add(Stranger(connection, source, deadline))
        return [connection.fileno() for connection in new]


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    crowd = Crowd()
    yield crowd
    for connection in crowd.opened:
        connection.close()


def test_as_many_of_one_source_may_wait_as_the_limit_and_the_expected_legs(crowd: Crowd) -> None:
    first, *_ = crowd.come("a", MAX_OF_SOURCE + 2)
    assert crowd.strangers.excess(2) is None
    assert crowd.strangers.excess(1) == first


def test_the_oldest_of_the_busiest_source_goes_first(crowd: Crowd) -> None:
    crowd.come("quiet", 3)
    first, second, *_ = crowd.come("loud", MAX_OF_SOURCE)
    crowd.come("third", MAX_STRANGERS - MAX_OF_SOURCE - 3)
    assert crowd.strangers.excess(0) is None
    crowd.come("fourth")
    assert crowd.strangers.excess(0) == first
    crowd.strangers.take(first)
    assert crowd.strangers.oldest() == second


def test_nobody_waits_where_all_were_taken(crowd: Crowd) -> None:
    for descriptor in crowd.come("a", 2):
        assert descriptor in crowd.strangers
        crowd.strangers.take(descriptor)
    assert len(crowd.strangers) == 0
    assert crowd.strangers.oldest() is None
    assert crowd.strangers.excess(0) is None


def test_those_whose_time_is_over_are_late(crowd: Crowd) -> None:
    late = crowd.come("a", deadline=1.0)
    crowd.come("a", deadline=2.0)
    assert crowd.strangers.late(1.5) == late
