"""Admit senders of media: allowed sources, and a limit on connections that have not named a leg.

Strangers can't shut out a leg: if too many wait, the oldest of the busiest source is closed and the newcomer stays. A
leg's own connection names the leg with its first bytes, so it is a stranger for at most one sweep.
"""

import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from callguard.audio.audiosocket import ROOM

MAX_STRANGERS: Final = 64
"""Most unnamed connections beyond the expected ones."""
MAX_OF_SOURCE: Final = 32
"""Most unnamed connections from one address beyond the expected ones."""


class Sources:
    """Addresses from which media is accepted.

    Args:
        allowed: addresses and networks (`192.0.2.7`, `10.0.0.0/8`); empty: all addresses.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(each, strict=False) for each in allowed
        )

    def __bool__(self) -> bool:
        """Return whether any address is refused."""
        return bool(self._networks)

    def allow(self, host: str) -> bool:
        """Return whether media from an address is accepted."""
        if not self._networks:
            return True
        address = ip_address(host)
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any((mapped or address) in network for network in self._networks)


@dataclass(slots=True)
class Stranger:
    """A connection that has not named a leg, and the bytes that it has sent."""

    connection: socket.socket
    source: str
    deadline: float
    data: memoryview = field(default_factory=lambda: memoryview(bytearray(ROOM)))
    filled: int = 0


class Strangers:
    """Connections that have not named a leg, by descriptor, the oldest first."""

    def __init__(self) -> None:
        self._present: dict[int, Stranger] = {}
        self._of_source: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._present)

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._present

    def __getitem__(self, descriptor: int) -> Stranger:
        return self._present[descriptor]

    def add(self, stranger: Stranger) -> None:
        """Add a stranger."""
        self._present[stranger.connection.fileno()] = stranger
        self._of_source[stranger.source] += 1

    def take(self, descriptor: int) -> Stranger:
        """Remove and return a stranger."""
        stranger = self._present.pop(descriptor)
        self._of_source[stranger.source] -= 1
        if not self._of_source[stranger.source]:
            del self._of_source[stranger.source]
        return stranger

    def excess(self, expected: int) -> int | None:
        """Return the descriptor to close while too many strangers wait; None where all may stay.

        Args:
            expected: number of legs whose connection has not come; as many more strangers may wait.
        """
        most = max(self._of_source.values(), default=0)
        crowded = most > MAX_OF_SOURCE + expected or len(self._present) > MAX_STRANGERS + expected
        return self.oldest() if crowded else None

    def late(self, now: float) -> list[int]:
        """Return the descriptors of strangers whose time is over."""
        return [descriptor for descriptor, stranger in self._present.items() if stranger.deadline < now]

    def oldest(self) -> int | None:
        """Return the descriptor of the busiest source's oldest stranger; None where there is none."""
        busiest = max(self._of_source, key=self._of_source.__getitem__, default=None)
        mine = (descriptor for descriptor, stranger in self._present.items() if stranger.source == busiest)
        return next(mine, None)

    def descriptors(self) -> list[int]:
        """Return the descriptors of all strangers."""
        return list(self._present)
