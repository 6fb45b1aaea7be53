"""Loopback ports for the lab's Asterisks."""

import random
import socket
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"
RTP_PORTS: Final = 400
_FIRST_PORT, _LAST_PORT = 10_000, 31_000
"""Ports below those that the kernel assigns to outgoing connections: a restarted Asterisk finds its own free."""


@dataclass(frozen=True)
class Ports:
    """Loopback ports of one Asterisk; `rtp` is the first of RTP_PORTS."""

    http: int
    ami: int
    sip: int
    rtp: int
    agi: int = 0
    """FastAGI, of a service beside this Asterisk."""

    @classmethod
    def free(cls) -> "Ports":
        """Return ports on which no program listens now. Asterisk itself skips an RTP port that is taken later."""
        rtp = random.randrange(_FIRST_PORT, _LAST_PORT, 2)
        tcp = [free_port(socket.SOCK_STREAM) for _ in range(3)]
        return cls(http=tcp[0], ami=tcp[1], sip=free_port(socket.SOCK_DGRAM), rtp=rtp, agi=tcp[2])


def free_port(kind: socket.SocketKind) -> int:
    """Return a loopback port on which no program listens now."""
    while True:
        port = random.randrange(_FIRST_PORT, _LAST_PORT)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
