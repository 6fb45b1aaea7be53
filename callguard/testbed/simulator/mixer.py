"""Who hears what: one 20 ms frame of every channel at a time. Pure.

Asterisk's order is kept: a snoop picks sound up before any whisper is mixed in, so `spy=in` on a leg holds that
party's own voice and nothing else. What a snoop picks up or whispers travels one frame later, as it does through
Asterisk's own frame queues.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from callguard.audio.frames import FRAME_SAMPLES
from callguard.testbed.simulator.objects import Channel, Samples, Snoop


class Wiring(NamedTuple):
    """Who is connected with whom: matrices of 0 and 1, shape (n, n), row = ear, column = mouth.

    Attributes:
        bridged: members of one bridge, except oneself and those who are muted.
        spy_in: snoop row picks up what the target column says.
        spy_out: snoop row picks up what the target column is given to hear.
        whisper_in: the target row's bridge hears what the snoop column is given to hear.
        whisper_out: the target row itself hears it.
    """

    bridged: Samples
    spy_in: Samples
    spy_out: Samples
    whisper_in: Samples
    whisper_out: Samples


class Air(NamedTuple):
    """One frame of sound; shapes (n, 160).

    Attributes:
        heard: what each channel is given to hear.
        picked: what each snoop picked up; zeros for others.
    """

    heard: Samples
    picked: Samples


def silence(channels: int) -> Samples:
    """Zeros, shape (channels, 160)."""
    return np.zeros((channels, FRAME_SAMPLES), dtype=np.float32)


def wire(channels: Sequence[Channel]) -> Wiring:
    """Read the connections off the channels, in their order."""
    n = len(channels)
    rows = {channel.id: row for row, channel in enumerate(channels)}
    wiring = Wiring(_bridged(channels), *(np.zeros((n, n), dtype=np.float32) for _ in range(4)))
    for row, channel in enumerate(channels):
        if channel.snoop and channel.snoop.target in rows:
            _wire_snoop(wiring, row, rows[channel.snoop.target], channel.snoop)
    return wiring


def _bridged(channels: Sequence[Channel]) -> Samples:
    numbers = {bridge: number for number, bridge in enumerate({channel.bridge for channel in channels} - {None})}
    bridge = np.array([numbers.get(channel.bridge, -1) for channel in channels], dtype=np.intp)
    loud = np.array([not channel.muted for channel in channels], dtype=np.bool_)
    together = (bridge[:, None] == bridge[None, :]) & (bridge[:, None] >= 0) & loud[None, :]
    np.fill_diagonal(together, val=False)
    connected: Samples = together.astype(np.float32)
    return connected


def _wire_snoop(wiring: Wiring, snoop: int, target: int, how: Snoop) -> None:
    wiring.spy_in[snoop, target] = how.spy in ("in", "both")
    wiring.spy_out[snoop, target] = how.spy in ("out", "both")
    wiring.whisper_in[target, snoop] = how.whisper in ("in", "both")
    wiring.whisper_out[target, snoop] = how.whisper in ("out", "both")


def mix(wiring: Wiring, said: Samples, played: Samples, before: Air) -> Air:
    """Return the next frame; `said` and `played` (prompts, hold music) have shape (n, 160)."""
    voice = said + before.picked + wiring.whisper_in @ before.heard
    carried = wiring.bridged @ voice + played
    return Air(
        heard=carried + wiring.whisper_out @ before.heard,
        picked=wiring.spy_in @ said + wiring.spy_out @ carried,
    )
