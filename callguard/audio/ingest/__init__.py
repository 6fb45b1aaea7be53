"""Read the media of all legs from the network into the bank; this is the only I/O of the media plane.

All sockets are read in sweeps, one before each tick, and not on arrival. The kernel gathers the frames of a tick, and
one read takes a leg's frames. Audio read earlier would only wait for the tick. Nothing is ever written, so Asterisk
never has to wait. The kernel's buffers hold more than a second of audio if a sweep is late.
"""

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.audiosocket import AudioSocketReceiver
from callguard.audio.bank import LegBank
from callguard.audio.codec import Format
from callguard.audio.frames import Rows
from callguard.audio.ingest.admission import Sources
from callguard.audio.ingest.ports import Address, Ports, PortsExhaustedError
from callguard.audio.ingest.streams import Streams
from callguard.audio.reframer import Reframer
from callguard.audio.rtp_receiver import RtpReceiver
from callguard.contracts.messages import Codec, OpenLeg

__all__ = ["Ingest", "Limits", "Lost", "PortsExhaustedError", "Swept"]

Reason = Literal["eof", "timeout", "stalled", "protocol"]

_FORMATS: Final[dict[Codec, Format]] = {
    "slin": Format.SLIN_BE,
    "slin16": Format.SLIN16_BE,
    "ulaw": Format.ULAW,
    "alaw": Format.ALAW,
}


class Limits(NamedTuple):
    """The longest times that a leg may be without media and a connection without a name, in seconds."""

    connect_s: float = 5.0
    """Seconds from `expect` to the first media."""
    stall_s: float = 5.0
    identify_s: float = 5.0
    """Seconds from a connection until it names its leg."""


class Lost(NamedTuple):
    """A leg whose media has ended; its sockets are already closed."""

    row: int
    reason: Reason


class Swept(NamedTuple):
    """The result of a sweep, besides the frames that it put into the bank."""

    connected: list[int]
    """Rows whose first media arrived."""
    lost: list[Lost]


class Ingest:
    """Sockets and protocol state of all legs of a bank.

    Args:
        bank: receives the frames; its open rows are the legs.
        host: address to listen on.
        port: AudioSocket port; 0 for any free one.
        rtp_ports: first and last UDP port for RTP.
        limits: times after which a leg without media counts as lost.
        sources: addresses and networks from which media is accepted; empty: all.
    """

    def __init__(
        self,
        bank: LegBank,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        rtp_ports: tuple[int, int] = (20000, 29998),
        limits: Limits | None = None,
        sources: Iterable[str] = (),
    ) -> None:
        self._limits = limits or Limits()
        self._reframer = Reframer(bank)
        self._audiosocket = AudioSocketReceiver(self._reframer)
        self._rtp = RtpReceiver(self._reframer)
        allowed = Sources(sources)
        self._streams = Streams(self._audiosocket, host, port, self._limits.identify_s, allowed)
        self._ports = Ports(self._rtp, host, rtp_ports, allowed)
        self._expected: NDArray[np.bool_] = np.zeros(bank.capacity, dtype=np.bool_)
        self._heard: NDArray[np.bool_] = np.zeros(bank.capacity, dtype=np.bool_)
        self._quiet_since: NDArray[np.float64] = np.zeros(bank.capacity)

    @property
    def audiosocket_port(self) -> int:
        """Port on which AudioSocket connections are accepted."""
        return self._streams.port

    def expect(self, row: int, leg: OpenLeg, now: float) -> int:
        """Prepare to receive a leg's media in an open row of the bank; return the port to which it must be sent.

        Raises PortsExhaustedError where no UDP port is free, ValueError where the leg's id is not a UUID.
        """
        self._reframer.reset(row)
        if leg.transport == "rtp":
            port = self._ports.open(row, _FORMATS[leg.codec], announced=leg.announced)
        else:
            self._streams.expect(row, uuid.UUID(leg.leg))
            port = self._streams.port
        self._expected[row], self._heard[row], self._quiet_since[row] = True, False, now
        return port

    def pin(self, row: int, sender: Address | None) -> None:
        """Accept an announced leg's media from this address only; None: from the first allowed sender of audio.

        Raises OSError when media can't come from such an address.
        """
        self._ports.pin(row, sender)

    def forget(self, row: int) -> None:
        """Close a leg's sockets; its media is refused from now on."""
        self._expected[row] = False
        self._streams.close(row)
        self._ports.close(row)

    def sweep(self, now: float) -> Swept:
        """Read all media that has arrived.

        Args:
            now: monotonic time in seconds.
        """
        heard, ended = self._streams.sweep(now)
        connected = self._note_heard(np.concatenate([heard, self._ports.sweep()]), now)
        lost = [Lost(row, reason) for row, reason in ended.items()] + self._silent(now, ended)
        for row, _ in lost:
            self.forget(row)
        return Swept(connected, lost)

    def counts(self) -> Counter[str]:
        """Return counts of dropped, refused and filled-in media since the start, by name."""
        groups = {
            "audiosocket": self._audiosocket.counts + self._streams.counts,
            "rtp": self._rtp.counts + self._rtp.jitter.counts + self._ports.counts,
            "payload": self._reframer.counts,
        }
        return Counter({f"{group}_{name}": count for group, counts in groups.items() for name, count in counts.items()})

    def close(self) -> None:
        """Close every socket."""
        self._streams.shut()
        self._ports.shut()

    def _note_heard(self, rows: Rows, now: float) -> list[int]:
        self._quiet_since[rows] = now
        fresh = np.unique(rows[~self._heard[rows]])
        self._heard[rows] = True
        return [int(row) for row in fresh]

    def _silent(self, now: float, ended: dict[int, Literal["eof", "protocol"]]) -> list[Lost]:
        limit = np.where(self._heard, self._limits.stall_s, self._limits.connect_s)
        over = np.flatnonzero(self._expected & (now - self._quiet_since > limit))
        return [Lost(int(row), "stalled" if self._heard[row] else "timeout") for row in over if int(row) not in ended]
