"""Receive the RTP streams of all legs: datagrams in, frames into a reframer."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio import rtp
from callguard.audio.codec import RATE_FACTOR, SAMPLE_BYTES, Bytes, Format
from callguard.audio.frames import FRAME_DTMF, FRAME_LOST, FRAME_SAMPLES, Flags, Rows
from callguard.audio.jitter import HOLD, Arrived, Bools, Jitter, Release
from callguard.audio.reframer import Payloads, Reframer

SLOTS_A_LEG: Final = HOLD + 5
"""Slots for a leg: packets that wait for a late one (fewer than HOLD), and the packets of one tick."""


class RtpReceiver:
    """Holds the datagrams of all legs, each in a slot until it is played or dropped.

    Attributes:
        views: the slots as receive buffers; the next free slot is `views[used]`.
        counts: datagrams that are not RTP (`malformed`) or have an unknown payload type (`unknown`), and `events`.
        jitter: order and loss of the streams, with counts of its own.
    """

    def __init__(self, reframer: Reframer) -> None:
        capacity = reframer.bank.capacity
        self.counts: Counter[str] = Counter()
        self.jitter = Jitter(capacity)
        self._reframer = reframer
        self._slots: Bytes = np.zeros((SLOTS_A_LEG * capacity, rtp.SLOT_BYTES), dtype=np.uint8)
        self.views = [memoryview(slot) for slot in self._slots]
        self._rows: list[int] = []
        self._lengths: list[int] = []
        self._waiting = 0
        self._dynamic: NDArray[np.uint8] = np.full(capacity, rtp.NOT_AUDIO, dtype=np.uint8)
        self._event_start: NDArray[np.uint32] = np.zeros(capacity, dtype=np.uint32)
        self._event_ticks: NDArray[np.uint32] = np.zeros(capacity, dtype=np.uint32)

    @property
    def used(self) -> int:
        """Number of slots in use."""
        return len(self._rows)

    @property
    def free(self) -> int:
        """Number of datagrams that fit before the next `drain`."""
        return len(self.views) - self.used

    def reset(self, row: int, dynamic: Format) -> None:
        """Restart a leg; `dynamic` is the format of its packets with a dynamic payload type."""
        self.jitter.reset(row)
        self._dynamic[row] = dynamic
        self._event_ticks[row] = 0
        waiting = [slot for slot, owner in enumerate(self._rows) if owner != row]
        self._keep(np.array(waiting, dtype=np.intp))

    def received(self, row: int, length: int) -> None:
        """Count a leg's datagram that was written into the next free slot."""
        self._rows.append(row)
        self._lengths.append(length)

    def fill(self, row: int, read: Callable[[memoryview], int], most: int) -> bool:
        """Receive a leg's datagrams until `read` raises BlockingIOError; return True where more may wait."""
        used = self.used
        try:
            for view in self.views[used : used + most]:
                self._lengths.append(read(view))
                self._rows.append(row)
        except BlockingIOError:
            return False
        return True

    def is_audio(self, row: int, length: int) -> bool:
        """Return whether the datagram in the next free slot holds a leg's audio."""
        headers = rtp.parse(self._slots[self.used : self.used + 1], np.array([length]))
        return bool(rtp.formats(headers, self._dynamic[[row]])[0] != rtp.NOT_AUDIO)

    def drain(self) -> Rows:
        """Push all packets that may be played; return the row of each RTP packet since the last drain."""
        count = self.used
        if count == self._waiting:
            return np.empty(0, dtype=np.intp)
        rows = np.array(self._rows, dtype=np.intp)
        headers = rtp.parse(self._slots[:count], np.array(self._lengths, dtype=np.intp))
        form = rtp.formats(headers, self._dynamic[rows])
        event = headers.valid & (headers.payload_type == rtp.TELEPHONE_EVENT)
        known = (form != rtp.NOT_AUDIO) | event | (headers.valid & (headers.payload_type == rtp.COMFORT_NOISE))
        self.counts["malformed"] += int((~headers.valid).sum())
        self.counts["unknown"] += int((headers.valid & ~known).sum())
        self._note_events(rows, headers, event & known)
        index = np.flatnonzero(known)
        release = self.jitter.order(_arrived(rows, headers, form, index))
        played = index[release.packets]
        self._push(rows[played], headers, form[played], played, release)
        heard: Rows = rows[index[index >= self._waiting]]
        self._keep(index[release.kept])
        return heard

    def _note_events(self, rows: Rows, headers: rtp.Headers, event: Bools) -> None:
        at = np.flatnonzero(event)
        self.counts["events"] += len(at)
        self._event_start[rows[at]] = headers.timestamp[at]
        self._event_ticks[rows[at]] = rtp.event_durations(self._slots, at, headers)

    def _push(self, rows: Rows, headers: rtp.Headers, form: NDArray[np.uint8], played: Rows, release: Release) -> None:
        timestamp = headers.timestamp[played]
        in_event = (timestamp - self._event_start[rows]) < self._event_ticks[rows]
        flags: Flags = np.where(in_event, FRAME_DTMF, 0).astype(np.uint8)
        gap_flags: Flags = self._gap_flags(rows, form, timestamp, release)
        at = played * rtp.SLOT_BYTES + headers.start[played]
        payloads = Payloads(rows, form, at, headers.length[played], flags, release.gap, gap_flags)
        self._reframer.accept(self._slots.reshape(-1), payloads)

    def _gap_flags(self, rows: Rows, form: NDArray[np.uint8], timestamp: NDArray[np.uint32], release: Release) -> Flags:
        gap_ticks = (release.gap * RATE_FACTOR[form] * FRAME_SAMPLES).astype(np.uint32)
        # Many senders stop their audio while a key is down. The telephone event then overlaps the gap.
        since, ticks = timestamp - self._event_start[rows], self._event_ticks[rows]
        in_gap = (since > 0) & (since < gap_ticks + ticks) & (ticks > 0)
        lost: Flags = np.where(release.lost, FRAME_LOST, 0).astype(np.uint8)
        return np.where(in_gap, lost | FRAME_DTMF, lost).astype(np.uint8)

    def _keep(self, slots: Rows) -> None:
        """Move these slots to the front in order of arrival, and free the others."""
        slots = np.sort(slots)
        self._slots[: len(slots)] = self._slots[slots]
        self._rows = [self._rows[slot] for slot in slots]
        self._lengths = [self._lengths[slot] for slot in slots]
        self._waiting = len(slots)


def _arrived(rows: Rows, headers: rtp.Headers, form: NDArray[np.uint8], index: Rows) -> Arrived:
    form = form[index]
    audio = form != rtp.NOT_AUDIO
    form = np.where(audio, form, Format.ULAW)
    return Arrived(
        rows=rows[index],
        ssrc=headers.ssrc[index],
        sequence=headers.sequence[index],
        timestamp=headers.timestamp[index],
        ticks=np.where(audio, headers.length[index] // SAMPLE_BYTES[form], 0),
        frame_ticks=RATE_FACTOR[form] * FRAME_SAMPLES,
    )
