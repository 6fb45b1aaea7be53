"""Read RTP packets (RFC 3550) and telephone events (RFC 4733), many at a time."""

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.codec import Bytes, Format

SLOT_BYTES: Final = 1536
"""Bytes of a datagram's slot. A datagram that fills it is too long for media, or cut, and is refused."""
TELEPHONE_EVENT: Final = 101
"""The payload type that Asterisk gives to telephone events."""
COMFORT_NOISE: Final = 13

NOT_AUDIO: Final = 255
"""Entry in a table of formats for a packet without audio; its payload type tells its kind."""
STATIC_FORMATS: Final = {0: Format.ULAW, 8: Format.ALAW, 10: Format.SLIN_BE}
"""Payload types with one fixed format on Asterisk; 10 is its 8 kHz linear PCM."""
DYNAMIC_TYPES: Final = range(96, 128)
"""Payload types whose format is that of the tap (118 is Asterisk's 16 kHz linear PCM)."""

_HEADER: Final = struct.Struct("!BBHII")
_EXTENSION: Final = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet to send.

    Attributes:
        timestamp: in samples of the payload's clock.
        csrcs: contributing sources, at most 15.
        extension: profile word and data, a multiple of 4 bytes.
        padding: bytes of padding, 0-255.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None
    padding: int = 0


def serialise(packet: Packet) -> bytes:
    """Return the packet as a datagram."""
    first = 2 << 6 | bool(packet.padding) << 5 | (packet.extension is not None) << 4 | len(packet.csrcs)
    second = packet.marker << 7 | packet.payload_type
    parts = [_HEADER.pack(first, second, packet.sequence, packet.timestamp, packet.ssrc)]
    parts += [struct.pack("!I", csrc) for csrc in packet.csrcs]
    if packet.extension is not None:
        profile, data = packet.extension
        parts += [_EXTENSION.pack(profile, len(data) // 4), data]
    parts.append(packet.payload)
    if packet.padding:
        parts.append(bytes(packet.padding - 1) + bytes([packet.padding]))
    return b"".join(parts)


class Headers(NamedTuple):
    """Columns of n datagrams, each of shape (n,); values of an invalid datagram are meaningless.

    Attributes:
        valid: whether the datagram is a whole RTP packet.
        start: start of the payload in the slot.
        length: bytes of payload.
    """

    valid: NDArray[np.bool_]
    payload_type: NDArray[np.uint8]
    marker: NDArray[np.bool_]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    ssrc: NDArray[np.uint32]
    start: NDArray[np.intp]
    length: NDArray[np.intp]


def parse(slots: Bytes, lengths: NDArray[np.intp]) -> Headers:
    """Read the headers of datagrams; any bytes are accepted.

    Args:
        slots: one datagram a row, shape (n, SLOT_BYTES).
        lengths: bytes received into each slot, shape (n,); SLOT_BYTES means cut.
    """
    count = len(lengths)
    head = slots[:count, :12]
    flags = head[:, 0]
    start = 12 + 4 * (flags & 0x0F).astype(np.intp)
    start += _extension_bytes(slots, start, flags & 0x10 != 0)
    # Index -1 of an empty datagram reads a stale byte; the datagram's length makes it invalid anyway.
    padding = np.where(flags & 0x20, slots[np.arange(count), lengths - 1], 0).astype(np.intp)
    length = lengths - start - padding
    unpadded = (flags & 0x20 == 0) | (padding > 0)
    whole = (lengths >= 12) & (lengths < SLOT_BYTES) & (length >= 0) & unpadded
    return Headers(
        valid=whole & (flags >> 6 == 2),
        payload_type=head[:, 1] & np.uint8(0x7F),
        marker=head[:, 1] >= 0x80,
        sequence=_big_endian(head[:, 2:4], ">u2").astype(np.uint16),
        timestamp=_big_endian(head[:, 4:8], ">u4").astype(np.uint32),
        ssrc=_big_endian(head[:, 8:12], ">u4").astype(np.uint32),
        start=start,
        length=length,
    )


def formats(headers: Headers, dynamic: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the Format of each packet, NOT_AUDIO for a packet without audio.

    Args:
        headers: n packets.
        dynamic: Format of a dynamic payload type for each packet, shape (n,).
    """
    found = np.where(_IS_DYNAMIC[headers.payload_type], dynamic, _STATIC[headers.payload_type])
    return np.where(headers.valid, found, NOT_AUDIO).astype(np.uint8)


def event_durations(slots: Bytes, at: NDArray[np.intp], headers: Headers) -> NDArray[np.uint32]:
    """Return the duration of each telephone event so far, in clock ticks; 0 where the payload is too short.

    Args:
        slots: as in `parse`.
        at: rows of the events among slots and headers, shape (n,).
        headers: the result of `parse`.
    """
    where = np.minimum(headers.start[at] + 2, SLOT_BYTES - 2)
    high, low = slots[at, where].astype(np.uint32), slots[at, where + 1].astype(np.uint32)
    return np.where(headers.length[at] >= 4, high << 8 | low, 0).astype(np.uint32)


def _static_table() -> NDArray[np.uint8]:
    table = np.full(128, NOT_AUDIO, dtype=np.uint8)
    for payload_type, form in STATIC_FORMATS.items():
        table[payload_type] = form
    return table


_STATIC: Final = _static_table()
_IS_DYNAMIC: Final = np.isin(np.arange(128), DYNAMIC_TYPES) & (np.arange(128) != TELEPHONE_EVENT)


def _extension_bytes(slots: Bytes, start: NDArray[np.intp], present: NDArray[np.bool_]) -> NDArray[np.intp]:
    extended = np.flatnonzero(present)
    size = np.zeros(len(start), dtype=np.intp)
    words = slots[extended, start[extended] + 2].astype(np.intp) << 8 | slots[extended, start[extended] + 3]
    size[extended] = 4 + 4 * words
    return size


def _big_endian(columns: Bytes, kind: str) -> NDArray[np.generic]:
    return np.ascontiguousarray(columns).view(kind)[:, 0]
