"""Mix the audio that each channel hears, one 20 ms frame of all channels at a time. Pure.

The order is Asterisk's: a snoop picks up sound before any whisper is mixed in, so `spy=in` on a leg holds that
party's own voice only. Audio that a snoop picks up or whispers arrives one frame later, as it does through
Asterisk's own frame queues.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from callguard.audio.frames import FRAME_SAMPLES
from callguard.testbed.simulator.objects import Channel, Samples, Snoop


class Wiring(NamedTuple):
    """The connections of channels: matrices of 0 and 1, shape (n, n), row = hearing, column = speaking channel.

    Attributes:
        bridged: members of one bridge, except the channel itself and muted ones.
        spy_in: the snoop row picks up the speech of the target column.
        spy_out: the snoop row picks up the audio that the target column hears.
        whisper_in: the target row's bridge hears the audio that the snoop column hears.
        whisper_out: the target row itself hears that audio.
    """

    bridged: Samples
    spy_in: Samples
    spy_out: Samples
    whisper_in: Samples
    whisper_out: Samples


class Air(NamedTuple):
    """One frame of sound; shapes (n, 160).

    Attributes:
        heard: audio that each channel hears.
        picked: audio that each snoop picked up; zeros for other channels.
    """

    heard: Samples
    picked: Samples


def silence(channels: int) -> Samples:
    """Return zeros, shape (channels, 160)."""
    return np.zeros((channels, FRAME_SAMPLES), dtype=np.float32)


def wire(channels: Sequence[Channel]) -> Wiring:
    """Return the connections of the channels, in their order."""
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
