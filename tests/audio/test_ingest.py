"""The media of all legs: found out when they begin, end or fall silent, and closed with their leg."""

import resource
import socket
from collections.abc import Iterator

import pytest

from callguard.audio.audiosocket import IDENTITY, serialise
from callguard.audio.ingest import Lost, PortsExhaustedError
from callguard.contracts.messages import OpenLeg
from tests.audio.ingest.plane import Plane, frames, is_closed, packet


@pytest.fixture
def plane() -> Iterator[Plane]:
    plane = Plane()
    with plane.stack:
        yield plane
    plane.ingest.close()


def test_a_leg_connects_by_its_identity_and_its_frames_arrive(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    sender = plane.connect(leg)
    sender.sendall(frames(1))
    plane.sweep()
    assert plane.sweep() == ([], [])
    assert plane.taken() == {row: [1, 2, 3, 4, 5]}
    sender.sendall(frames(6))
    plane.sweep()
    assert plane.taken() == {row: [6, 7, 8, 9, 10]}


def test_the_first_media_is_told_once(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    sender = plane.connect(leg)
    assert plane.sweep() == ([row], [])
    sender.sendall(frames(1))
    assert plane.sweep() == ([], [])


@pytest.mark.parametrize("transport", ["audiosocket", "rtp"])
def test_a_leg_that_never_sends_is_lost_after_the_connect_limit(plane: Plane, transport: str) -> None:
    row, _, _ = plane.expect(transport)
    assert plane.sweep(after=4.9)[1] == []
    assert plane.sweep(after=0.2)[1] == [Lost(row, "timeout")]
    assert plane.sweep(after=9)[1] == []


@pytest.mark.parametrize("transport", ["audiosocket", "rtp"])
def test_a_leg_that_falls_silent_is_lost_after_the_stall_limit(plane: Plane, transport: str) -> None:
    row, leg, port = plane.expect(transport)
    sender = plane.udp(port) if transport == "rtp" else plane.connect(leg)
    sender.send(packet(1) if transport == "rtp" else frames(1))
    plane.sweep()
    plane.sweep()
    assert plane.sweep(after=1.9)[1] == []
    assert plane.sweep(after=0.2)[1] == [Lost(row, "stalled")]


def test_a_packet_that_waits_for_an_earlier_one_is_no_sign_of_life(plane: Plane) -> None:
    row, _, port = plane.expect("rtp")
    sender = plane.udp(port)
    sender.send(packet(1))
    sender.send(packet(3))
    plane.sweep()
    plane.sweep(after=1.5)
    assert plane.sweep(after=1)[1] == [Lost(row, "stalled")]


def test_without_a_descriptor_left_legs_are_refused_and_nothing_breaks(plane: Plane) -> None:
    plane.expect()
    leg_before, port = plane.expect()[1:]
    sender = socket.socket()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (sender.fileno() + 1, hard))
    try:
        sender.connect(("127.0.0.1", port))
        plane.sweep()
        with pytest.raises(PortsExhaustedError, match="open files"):
            plane.expect("rtp")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert plane.ingest.counts()["audiosocket_not_accepted"] >= 1
    with sender:
        sender.sendall(serialise(IDENTITY, leg_before.bytes) + frames(1))
        plane.sweep()
        assert plane.sweep()[1] == []
    assert list(plane.taken().values()) == [[1, 2, 3, 4, 5]]


def test_a_leg_given_up_is_closed_and_its_row_serves_the_next(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    sender = plane.connect(leg)
    sender.sendall(frames(1, 3))
    plane.sweep()
    plane.ingest.forget(row)
    plane.bank.close(row)
    assert is_closed(sender)
    again, next_leg, _ = plane.expect()
    assert again == row
    plane.connect(next_leg).sendall(frames(50))
    plane.sweep()
    plane.sweep()
    assert plane.taken() == {row: [50, 51, 52, 53, 54]}


def test_an_id_that_is_no_uuid_is_refused(plane: Plane) -> None:
    with pytest.raises(ValueError, match="UUID"):
        plane.ingest.expect(plane.bank.open(), OpenLeg("nonsense", "call", "customer"), 0.0)


def test_closing_leaves_no_socket_open() -> None:
    plane = Plane()
    with plane.stack:
        _, leg, _ = plane.expect()
        plane.expect("rtp")
        named, anonymous = plane.connect(leg), plane.connect()
        plane.sweep()
        port = plane.ingest.audiosocket_port
        plane.ingest.close()
        assert is_closed(named)
        assert is_closed(anonymous)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
