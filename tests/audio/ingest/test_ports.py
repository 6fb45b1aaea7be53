"""RTP legs have ports of their own, and one sender each that is heard."""

import pytest

from callguard.audio.ingest import PortsExhaustedError
from tests.audio.ingest.plane import Plane, address, packet
from tests.support.captures import capture, names


def test_rtp_legs_have_even_ports_of_their_own(plane: Plane) -> None:
    opened = [plane.expect("rtp") for _ in range(4)]
    ports = [port for _, _, port in opened]
    assert len(set(ports)) == 4
    assert all(port % 2 == 0 and 21000 <= port <= 28998 for port in ports)
    for row, _, port in opened:
        sender = plane.udp(port)
        for number in range(5):
            sender.send(packet(10 * row + number))
    assert sorted(plane.sweep()[0]) == [0, 1, 2, 3]
    assert plane.taken() == {row: [10 * row + number for number in range(5)] for row in range(4)}


def test_the_first_sender_of_audio_is_the_only_one_heard(plane: Plane) -> None:
    row, _, port = plane.expect("rtp")
    stranger, sender = plane.udp(port), plane.udp(port)
    stranger.send(b"not rtp at all")
    sender.send(packet(1))
    stranger.send(packet(900))
    assert plane.sweep()[0] == [row]
    stranger.send(packet(901))
    for number in range(2, 6):
        sender.send(packet(number))
    plane.sweep()
    assert plane.taken() == {row: [1, 2, 3, 4, 5]}
    counts = plane.ingest.counts()
    assert (counts["rtp_unpinned"], counts["rtp_foreign"]) == (1, 1)


def test_an_announced_leg_hears_the_announced_sender_alone_however_early_another_spoke(plane: Plane) -> None:
    row, _, port = plane.expect("rtp", announced=True)
    stranger, sender = plane.udp(port), plane.udp(port)
    for number in range(900, 1000):
        stranger.send(packet(number))
    sender.send(packet(1))
    assert plane.sweep() == ([], [])
    plane.ingest.pin(row, address(sender))
    stranger.send(packet(1000))
    for number in range(2, 6):
        sender.send(packet(number))
    assert plane.sweep() == ([row], [])
    assert plane.taken() == {row: [1, 2, 3, 4, 5]}
    assert plane.ingest.counts()["rtp_foreign"] == 100


def test_a_leg_whose_source_is_not_announced_after_all_hears_the_first_sender(plane: Plane) -> None:
    row, _, port = plane.expect("rtp", announced=True)
    plane.udp(port).send(packet(1))
    assert plane.sweep()[0] == []
    plane.ingest.pin(row, None)
    assert plane.sweep()[0] == [row]


@pytest.mark.parametrize(("listen", "sender"), [("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1")])
@pytest.mark.parametrize("announced", [True, False])
def test_media_is_heard_over_ipv6_and_on_both_at_once(listen: str, sender: str, announced: bool) -> None:
    plane = Plane(host=listen)
    with plane.stack:
        row, _, port = plane.expect("rtp", announced=announced)
        source = plane.udp(port, sender)
        if announced:
            plane.ingest.pin(row, address(source))
        for number in range(1, 6):
            source.send(packet(number))
        assert plane.sweep() == ([row], [])
        assert plane.taken() == {row: [1, 2, 3, 4, 5]}


def test_an_address_that_cannot_be_a_source_is_told(plane: Plane) -> None:
    row, _, port = plane.expect("rtp", announced=True)
    with pytest.raises(OSError):  # noqa: PT011 # the message is the system's
        plane.ingest.pin(row, ("::1", 5000))
    plane.udp(port).send(packet(1))
    assert plane.sweep()[0] == []


def test_rtp_from_an_address_that_may_not_send_is_counted_and_not_heard() -> None:
    plane = Plane(sources=("192.0.2.7",))
    with plane.stack:
        _, _, port = plane.expect("rtp")
        plane.udp(port).send(packet(1))
        assert plane.sweep()[0] == []
        assert plane.ingest.counts()["rtp_unpinned"] == 1
    plane.ingest.close()


def test_a_second_of_rtp_backlog_is_read_at_once(plane: Plane) -> None:
    row, _, port = plane.expect("rtp")
    sender = plane.udp(port)
    for number in range(50):
        sender.send(packet(number))
    plane.sweep()
    assert [value for _ in range(10) for value in plane.taken()[row]] == list(range(50))


@pytest.mark.parametrize("name", names("rtp", "bad"))
def test_bad_datagrams_do_no_harm_before_or_after_the_first_audio(plane: Plane, name: str) -> None:
    row, _, port = plane.expect("rtp")
    sender = plane.udp(port)
    bad = capture("rtp", "bad", name)
    sender.send(bad)
    for number in range(5):
        sender.send(packet(number))
        sender.send(bad)
    assert plane.sweep() == ([row], [])
    assert plane.taken() == {row: [0, 1, 2, 3, 4]}
    counts = plane.ingest.counts()
    assert (counts["rtp_unpinned"], counts["rtp_malformed"]) == (1, 5)


def test_a_port_that_is_taken_is_passed_over_and_an_empty_range_is_told() -> None:
    plane = Plane(rtp_ports=(21550, 21552))
    with plane.stack:
        plane.expect("rtp")
        plane.expect("rtp")
        with pytest.raises(PortsExhaustedError, match="21550-21552"):
            plane.expect("rtp")
    plane.ingest.close()
