"""Real sockets: legs are identified, pinned, read in sweeps, and found out when they fall silent."""

import contextlib
import resource
import socket
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from callguard.audio.audiosocket import HANGUP, IDENTITY, SLIN, serialise
from callguard.audio.bank import LegBank
from callguard.audio.codec import Format, encode
from callguard.audio.frames import FRAME_SAMPLES
from callguard.audio.ingest import Ingest, Limits, Lost, PortsExhaustedError
from callguard.audio.ingest.admission import MAX_OF_SOURCE
from callguard.audio.ingest.streams import MOST_ACCEPTS
from callguard.audio.rtp import Packet
from callguard.audio.rtp import serialise as rtp_packet
from callguard.contracts.messages import OpenLeg
from tests.support.captures import capture, names


class Plane:
    """An ingest with its bank, and the senders of a test."""

    def __init__(
        self, legs: int = 4, rtp_ports: tuple[int, int] = (21000, 28998), sources: tuple[str, ...] = ()
    ) -> None:
        self.bank = LegBank(legs)
        self.ingest = Ingest(self.bank, rtp_ports=rtp_ports, limits=Limits(connect_s=5, stall_s=2), sources=sources)
        self.now = 100.0
        self.stack = contextlib.ExitStack()

    def expect(self, transport: str = "audiosocket", *, announced: bool = False) -> tuple[int, uuid.UUID, int]:
        leg, row = uuid.uuid4(), self.bank.open()
        message = OpenLeg(
            str(leg), "call", "customer", "rtp" if transport == "rtp" else "audiosocket", announced=announced
        )
        return row, leg, self.ingest.expect(row, message, self.now)

    def connect(self, leg: uuid.UUID | None = None) -> socket.socket:
        sender = self.stack.enter_context(socket.create_connection(("127.0.0.1", self.ingest.audiosocket_port)))
        if leg is not None:
            sender.sendall(serialise(IDENTITY, leg.bytes))
        return sender

    def udp(self, port: int) -> socket.socket:
        sender = self.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.connect(("127.0.0.1", port))
        return sender

    def sweep(self, after: float = 0.0) -> tuple[list[int], list[Lost]]:
        self.now += after
        return self.ingest.sweep(self.now)

    def taken(self) -> dict[int, list[int]]:
        hop = self.bank.take()
        return {int(row): pcm[:, 0].tolist() for row, pcm in zip(hop.rows, hop.pcm, strict=True)}


@pytest.fixture
def plane() -> Iterator[Plane]:
    plane = Plane()
    with plane.stack:
        yield plane
    plane.ingest.close()


def frames(first: int, count: int = 5) -> bytes:
    return b"".join(
        serialise(SLIN, value.to_bytes(2, "little") * FRAME_SAMPLES) for value in range(first, first + count)
    )


def packet(number: int) -> bytes:
    pcm = np.full(FRAME_SAMPLES, number, dtype=np.int16)
    return rtp_packet(Packet(10, number, number * 160, 5, encode(pcm, Format.SLIN_BE)))


def is_closed(sender: socket.socket) -> bool:
    sender.settimeout(1)
    try:
        return sender.recv(1) == b""
    except ConnectionResetError:
        return True


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


def address(sender: socket.socket) -> tuple[str, int]:
    host, port = sender.getsockname()
    return host, port


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


def test_an_expected_leg_given_up_is_unknown(plane: Plane) -> None:
    row, leg, _ = plane.expect()
    plane.ingest.forget(row)
    sender = plane.connect(leg)
    plane.sweep()
    assert is_closed(sender)


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
