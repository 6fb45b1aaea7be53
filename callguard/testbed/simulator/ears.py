"""Carry one frame of sound at a time: every channel's speech, the audio it hears, and the audio to the network.

The same script gives the same sound, in real time as in virtual time.
"""

from typing import Final

import numpy as np

from callguard.audio.frames import FRAME_SAMPLES, Pcm
from callguard.testbed.simulator.exchange import Exchange
from callguard.testbed.simulator.mixer import Air, mix, silence, wire
from callguard.testbed.simulator.objects import Channel, Playback, Samples
from callguard.testbed.simulator.sound import clip, music

HOLD_MUSIC: Final = music(8.0)


class Sound:
    """The speech and hearing of all channels of an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._members: list[Channel] = []
        self._wiring = wire([])
        self._air = Air(silence(0), silence(0))

    def step(self) -> None:
        """Carry one frame of sound of all channels."""
        if self._exchange.rewired:
            self._rewire()
        rows = {channel.id: row for row, channel in enumerate(self._members)}
        said, played = silence(len(rows)), silence(len(rows))
        for row, channel in enumerate(self._members):
            said[row] = self._speech(channel)
            if channel.held:
                self._play_hold_music(channel, rows, played)
            if channel.on_music:
                played[row] += self._hold_music()
        for playback in [each for each in self._exchange.playbacks.values() if each.state == "playing"]:
            self._advance(playback, rows, played)
        self._air = mix(self._wiring, said, played, self._air)
        self._deliver()

    def _rewire(self) -> None:
        """Read the connections again; remaining channels keep the audio that is on its way to them."""
        rows = {channel.id: row for row, channel in enumerate(self._members)}
        members = list(self._exchange.channels.values())
        air = Air(silence(len(members)), silence(len(members)))
        for row, channel in enumerate(members):
            if channel.id in rows:
                air.heard[row] = self._air.heard[rows[channel.id]]
                air.picked[row] = self._air.picked[rows[channel.id]]
        self._members, self._air, self._wiring = members, air, wire(members)
        self._exchange.rewired = False

    def _speech(self, channel: Channel) -> Samples | float:
        """Return one frame from a channel's phone or network end; zero while it is silent."""
        if channel.media and channel.sends_heard:
            came = channel.media.receive()
            return 0.0 if came is None else came.astype(np.float32)
        if channel.phone is None or channel.spoken < 0:
            return 0.0
        frame = _frame_at(channel.phone.audio, channel.spoken, loop=channel.phone.loop)
        channel.spoken += FRAME_SAMPLES
        return 0.0 if channel.held else frame

    def _play_hold_music(self, holder: Channel, rows: dict[str, int], played: Samples) -> None:
        bridge = self._exchange.bridges.get(holder.bridge or "")
        for peer in bridge.channels if bridge else ():
            if peer != holder.id:
                played[rows[peer]] += self._hold_music()

    def _hold_music(self) -> Samples:
        return _frame_at(HOLD_MUSIC, self._exchange.clock.frame * FRAME_SAMPLES, loop=True)

    def _advance(self, playback: Playback, rows: dict[str, int], played: Samples) -> None:
        if not playback.audio.size:
            self._exchange.finish(playback, "failed")
            return
        bridge = self._exchange.bridges.get(playback.target)
        targets = bridge.channels if bridge else [playback.target]
        for target in targets:
            if target in rows:
                played[rows[target]] += _frame_at(playback.audio, playback.position)
        playback.position += FRAME_SAMPLES
        if playback.position >= playback.audio.size or (bridge is None and playback.target not in rows):
            self._exchange.finish(playback)

    def _deliver(self) -> None:
        for row, channel in enumerate(self._members):
            if channel.phone and channel.phone.recorded and channel.state == "Up":
                heard = silence(1)[0] if channel.held else self._air.heard[row]
                channel.phone.heard += clip(heard).tobytes()
            elif channel.media:
                channel.media.send(clip((self._air.heard if channel.sends_heard else self._air.picked)[row]))


def _frame_at(audio: Pcm, position: int, *, loop: bool = False) -> Samples:
    """Return the frame that begins at a sample; zeros after the end unless it loops."""
    start = position % audio.size if loop and audio.size else position
    part = audio[start : start + FRAME_SAMPLES]
    if part.size == FRAME_SAMPLES:  # nearly always, and ten times as fast as the rest
        return part.astype(np.float32)
    if loop and audio.size:
        return np.take(audio, range(start, start + FRAME_SAMPLES), mode="wrap").astype(np.float32)
    return np.pad(part.astype(np.float32), (0, FRAME_SAMPLES - part.size))
