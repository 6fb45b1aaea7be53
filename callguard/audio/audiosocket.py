"""Read AudioSocket streams: TCP messages of a kind byte, a 16-bit big-endian length and a payload.

Each leg's stream has a row of memory. All rows that hold nothing but whole 20 ms frames of 8 kHz audio, as Asterisk
sends them, are read at once. Any other row is scanned message by message.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.codec import FRAME_BYTES, Bytes, Format
from callguard.audio.frames import FRAME_DTMF, HOP_FRAMES, Rows
from callguard.audio.reframer import Payloads, Reframer, no_gaps

HANGUP: Final = 0x00
IDENTITY: Final = 0x01
DTMF: Final = 0x03
SLIN: Final = 0x10
SLIN16: Final = 0x12
ERROR: Final = 0xFF

HEADER_BYTES: Final = 3
IDENTITY_BYTES: Final = 16
ROOM: Final = 4096
"""Most waiting bytes of a leg's stream: a quarter of a second of 8 kHz audio."""
MAX_PAYLOAD: Final = ROOM - HEADER_BYTES
"""Longest payload of a tap's audio: a longer message shows that the stream is out of step."""

_FRAME: Final = HEADER_BYTES + int(FRAME_BYTES[Format.SLIN_LE])
_FRAME_HEADER: Final = np.array([SLIN, *divmod(_FRAME - HEADER_BYTES, 256)], dtype=np.uint8)
_FORMATS: Final = {SLIN: Format.SLIN_LE, SLIN16: Format.SLIN16_LE}

End = Literal["eof", "protocol"]


class ProtocolError(Exception):
    """Bytes that are not an AudioSocket stream."""


class Message(NamedTuple):
    """Kind and position of one message's payload."""

    kind: int
    start: int
    length: int

    @property
    def end(self) -> int:
        """Start of the next message."""
        return self.start + self.length


def serialise(kind: int, payload: bytes = b"") -> bytes:
    """Return one message as bytes."""
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def scan(data: bytes | memoryview, end: int) -> Iterator[Message]:
    """Yield each whole message in data[:end]; raise ProtocolError at a message longer than MAX_PAYLOAD."""
    start = 0
    while start + HEADER_BYTES <= end:
        length = data[start + 1] << 8 | data[start + 2]
        if length > MAX_PAYLOAD:
            raise ProtocolError(f"message of {length} bytes; at most {MAX_PAYLOAD} are allowed")
        message = Message(data[start], start + HEADER_BYTES, length)
        if message.end > end:
            return
        yield message
        start = message.end


def identity(data: bytes | memoryview, end: int) -> Message | None:
    """Return the message that identifies the stream, None while it is incomplete; raise ProtocolError at any other."""
    if end >= 1 and data[0] != IDENTITY:
        raise ProtocolError(f"first message of kind {data[0]:#04x}; expected {IDENTITY:#04x}")
    if end >= HEADER_BYTES and data[1] << 8 | data[2] != IDENTITY_BYTES:
        raise ProtocolError(f"identity of {data[1] << 8 | data[2]} bytes; expected {IDENTITY_BYTES}")
    return next(scan(data, end), None)


class AudioSocketReceiver:
    """Reads the streams of all legs, one row for each leg, into a reframer.

    Attributes:
        counts: messages without audio: `unknown` kinds, `error`, `repeated` identities, `dtmf`.
    """

    def __init__(self, reframer: Reframer) -> None:
        capacity = reframer.bank.capacity
        self.counts: Counter[str] = Counter()
        self._reframer = reframer
        self._memory: Bytes = np.zeros((capacity, ROOM), dtype=np.uint8)
        self._views = [memoryview(row) for row in self._memory]
        self._filled: NDArray[np.intp] = np.zeros(capacity, dtype=np.intp)
        self._dtmf_frames: NDArray[np.intp] = np.zeros(capacity, dtype=np.intp)

    def reset(self, row: int, first: bytes | memoryview = b"") -> None:
        """Restart a leg's stream with the bytes that came before the leg had a row."""
        self._filled[row] = len(first)
        self._dtmf_frames[row] = 0
        self._views[row][: len(first)] = first

    def room(self, row: int) -> memoryview:
        """Return the buffer for a leg's next bytes; it is never empty after `drain`."""
        return self._views[row][self._filled[row] :]

    def received(self, row: int, count: int) -> None:
        """Count bytes that were written into `room`."""
        self._filled[row] += count

    def drain(self, rows: Rows) -> dict[int, End]:
        """Push all whole frames of these rows, which must strictly increase; return the rows whose stream has ended."""
        filled = self._filled[rows]
        whole = filled // _FRAME
        regular = self._regular(rows, whole) & (self._dtmf_frames[rows] == 0)
        self._push_regular(rows[regular], whole[regular])
        self._keep(rows[regular], whole[regular] * _FRAME)
        unread = ~regular | (self._filled[rows] >= HEADER_BYTES)
        ended = {int(row): self._scan(int(row)) for row in rows[unread]}
        return {row: end for row, end in ended.items() if end}

    def _regular(self, rows: Rows, whole: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return a mask of the rows that start with `whole` frames of 20 ms."""
        most = int(whole.max(initial=1))
        frames = self._memory[:, : most * _FRAME].reshape(-1, most, _FRAME)
        heads = frames[rows, :, :HEADER_BYTES]
        matching = (heads == _FRAME_HEADER).all(axis=2) | (np.arange(most) >= whole[:, None])
        every: NDArray[np.bool_] = matching.all(axis=1) & (whole > 0)
        return every

    def _push_regular(self, rows: Rows, whole: NDArray[np.intp]) -> None:
        each = np.repeat(rows, whole)
        count = len(each)
        rank = np.arange(count) - np.repeat(np.cumsum(whole) - whole, whole)
        at = each * ROOM + rank * _FRAME + HEADER_BYTES
        form = np.full(count, Format.SLIN_LE, dtype=np.uint8)
        length = np.full(count, _FRAME - HEADER_BYTES)
        flags = np.zeros(count, dtype=np.uint8)
        self._reframer.accept(self._memory.reshape(-1), Payloads(each, form, at, length, flags, *no_gaps(count)))

    def _keep(self, rows: Rows, used: NDArray[np.intp]) -> None:
        """Move the unread bytes of rows to their front."""
        left = self._filled[rows] - used
        for row, start, size in zip(rows[left > 0], used[left > 0], left[left > 0], strict=True):
            self._memory[row, :size] = self._memory[row, start : start + size].copy()
        self._filled[rows] = left

    def _scan(self, row: int) -> End | None:
        used = 0
        end: End | None = None
        audio: list[tuple[int, int, int, int]] = []
        try:
            for message in scan(self._views[row], int(self._filled[row])):
                used = message.end
                if message.kind == HANGUP:
                    end = "eof"
                    break
                self._note(row, message, audio)
        except ProtocolError:
            end = "protocol"
        self._push_scanned(row, audio)
        self._keep(np.array([row]), np.array([used]))
        return end

    def _note(self, row: int, message: Message, audio: list[tuple[int, int, int, int]]) -> None:
        form = _FORMATS.get(message.kind)
        if form is not None:
            flags = FRAME_DTMF if self._dtmf_frames[row] else 0
            self._dtmf_frames[row] = max(self._dtmf_frames[row] - 1, 0)
            audio.append((form, row * ROOM + message.start, message.length, flags))
        elif message.kind == DTMF:
            # Asterisk sends the message as soon as it hears the key; the tone may continue.
            self._dtmf_frames[row] = HOP_FRAMES
            self.counts["dtmf"] += 1
        else:
            self.counts[{IDENTITY: "repeated", ERROR: "error"}.get(message.kind, "unknown")] += 1

    def _push_scanned(self, row: int, audio: list[tuple[int, int, int, int]]) -> None:
        if not audio:
            return
        form, at, length, flags = np.array(audio).T
        count = len(audio)
        payloads = Payloads(
            np.full(count, row), form.astype(np.uint8), at, length, flags.astype(np.uint8), *no_gaps(count)
        )
        self._reframer.accept(self._memory.reshape(-1), payloads)
