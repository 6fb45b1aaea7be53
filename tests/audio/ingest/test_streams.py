"""Legs are found by their identity, read in sweeps to their end, and strangers keep none out."""

import resource
import socket
import uuid

import pytest

from callguard.audio.audiosocket import HANGUP, IDENTITY, serialise
from callguard.audio.ingest import Lost
from callguard.audio.ingest.admission import MAX_OF_SOURCE
from callguard.audio.ingest.streams import MOST_ACCEPTS
from tests.audio.ingest.plane import Plane, frames, is_closed
from tests.support.captures import capture


def test_an_identity_in_pieces_is_put_together(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    sender = plane.connect()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = serialise(IDENTITY, leg.bytes) + frames(1)
    connected = []
    for piece in (stream[:1], stream[1:10], stream[10:400], stream[400:]):
        sender.sendall(piece)
        connected += plane.sweep()[0]
    assert connected == [row]
    assert plane.taken() == {row: [1, 2, 3, 4, 5]}


@pytest.mark.parametrize(("listen", "sender"), [("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1")])
def test_streams_are_taken_over_ipv6_and_on_both_at_once(listen: str, sender: str) -> None:
    plane = Plane(host=listen)
    with plane.stack:
        row, leg, _ = plane.expect()
        plane.connect(leg, sender).sendall(frames(1))
        assert plane.sweep()[0] == [row]
        assert plane.taken() == {row: [1, 2, 3, 4, 5]}


def test_many_legs_in_one_sweep(plane: Plane) -> None:
    legs = [plane.expect() for _ in range(4)]
    for row, leg, _ in legs:
        plane.connect(leg).sendall(frames(100 * row))
    assert sorted(plane.sweep()[0]) == [0, 1, 2, 3]
    assert plane.taken() == {row: [100 * row + at for at in range(5)] for row in range(4)}


def test_a_second_of_backlog_is_read_in_two_sweeps(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    plane.connect(leg).sendall(frames(0, 50))
    plane.sweep()
    plane.sweep()
    values = [value for _ in range(10) for value in plane.taken()[row]]
    assert values == list(range(50))
    assert plane.bank.dropped == 0


def test_an_unknown_leg_is_refused_and_counted(plane: Plane) -> None:
    sender = plane.connect(uuid.uuid4())
    plane.sweep()
    assert is_closed(sender)
    assert plane.ingest.counts()["audiosocket_unknown_leg"] == 1


def test_a_leg_is_taken_once(plane: Plane) -> None:
    _, leg, _ = plane.expect()
    plane.connect(leg)
    plane.sweep()
    second = plane.connect(leg)
    plane.sweep()
    assert is_closed(second)
    assert plane.ingest.counts()["audiosocket_unknown_leg"] == 1


@pytest.mark.parametrize("name", ["audio_first", "short_identity", "http_request"])
def test_what_is_no_audiosocket_is_refused(plane: Plane, name: str) -> None:
    sender = plane.connect()
    sender.sendall(capture("audiosocket", "bad", name))
    plane.sweep()
    assert is_closed(sender)
    assert plane.ingest.counts()["audiosocket_not_audiosocket"] == 1


def test_who_does_not_name_itself_in_time_is_refused(plane: Plane) -> None:
    sender = plane.connect()
    plane.sweep()
    plane.sweep(after=6)
    assert is_closed(sender)
    assert plane.ingest.counts()["audiosocket_anonymous"] == 1


def test_who_leaves_without_a_name_is_counted(plane: Plane) -> None:
    plane.connect().close()
    plane.sweep()
    plane.sweep()
    assert plane.ingest.counts()["audiosocket_not_audiosocket"] == 1


def test_idle_strangers_keep_no_leg_out(plane: Plane) -> None:
    strangers = [plane.connect() for _ in range(200)]
    for _ in range(4):
        plane.sweep()
    row, leg, _ = plane.expect()
    plane.connect(leg).sendall(frames(1))
    assert plane.sweep() == ([row], [])
    assert plane.taken() == {row: [1, 2, 3, 4, 5]}
    assert plane.ingest.counts()["audiosocket_crowded"] == 200 - MAX_OF_SOURCE
    assert is_closed(strangers[0])


def test_a_leg_whose_name_comes_late_is_pushed_out_by_newer_strangers_alone(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    older = [plane.connect() for _ in range(MAX_OF_SOURCE)]
    slow = plane.connect()
    [plane.connect() for _ in range(MAX_OF_SOURCE)]
    plane.sweep()
    assert plane.ingest.counts()["audiosocket_crowded"] == MAX_OF_SOURCE
    slow.sendall(serialise(IDENTITY, leg.bytes))
    assert plane.sweep()[0] == [row]
    assert all(is_closed(each) for each in older)


def test_one_sweep_takes_a_bounded_number_of_connections(plane: Plane) -> None:
    [plane.connect() for _ in range(300)]
    before = plane.ingest.counts()["audiosocket_crowded"]
    plane.ingest._streams._accept(plane.now)
    assert plane.ingest.counts()["audiosocket_crowded"] - before == MOST_ACCEPTS - MAX_OF_SOURCE


def test_a_connection_from_an_address_that_may_not_send_is_refused() -> None:
    plane = Plane(sources=("192.0.2.0/24", "::1"))
    with plane.stack:
        _, leg, _ = plane.expect()
        sender = plane.connect(leg)
        assert plane.sweep() == ([], [])
        assert is_closed(sender)
        assert plane.ingest.counts()["audiosocket_foreign"] == 1
    plane.ingest.close()


def test_the_end_of_a_stream_is_told_after_its_last_frame(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    sender = plane.connect(leg)
    plane.sweep()
    sender.sendall(frames(1))
    sender.close()
    assert plane.sweep()[1] + plane.sweep()[1] == [Lost(row, "eof")]
    assert plane.taken() == {row: [1, 2, 3, 4, 5]}
    assert plane.sweep(after=10) == ([], [])


def test_a_reset_connection_is_an_end_too(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    sender = plane.connect(leg)
    plane.sweep()
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sender.close()
    assert plane.sweep()[1] == [Lost(row, "eof")]


def test_a_hangup_message_is_an_end(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    sender = plane.connect(leg)
    sender.sendall(serialise(HANGUP))
    assert plane.sweep()[1] + plane.sweep()[1] == [Lost(row, "eof")]
    assert is_closed(sender)


@pytest.mark.parametrize("name", ["oversized", "out_of_step"])
def test_a_stream_that_goes_bad_ends_as_a_protocol_error_and_disturbs_no_other(plane: Plane, name: str) -> None:
    bad, bad_leg, _ = plane.expect()
    good, good_leg, _ = plane.expect()
    plane.connect(bad_leg).sendall(capture("audiosocket", "bad", name)[19:])
    plane.connect(good_leg).sendall(frames(1))
    lost = plane.sweep()[1] + plane.sweep()[1]
    assert lost == [Lost(bad, "protocol")]
    assert plane.taken()[good] == [1, 2, 3, 4, 5]


def test_without_a_descriptor_left_a_stranger_makes_room_for_a_leg(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    plane.connect()
    plane.sweep()
    sender = socket.socket()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (sender.fileno() + 1, hard))
    try:
        with sender:
            sender.connect(("127.0.0.1", plane.ingest.audiosocket_port))
            sender.sendall(serialise(IDENTITY, leg.bytes) + frames(1))
            assert plane.sweep()[0] == [row]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_expected_leg_given_up_is_unknown(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    plane.ingest.forget(row)
    sender = plane.connect(leg)
    plane.sweep()
    assert is_closed(sender)
