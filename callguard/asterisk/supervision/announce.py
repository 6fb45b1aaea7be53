"""Plays a sound into a running call, to the agent alone or to both parties; and to a supervisor who waits."""

import asyncio
from typing import Final, Literal

from callguard.asterisk.client import AriClient
from callguard.asterisk.events import ChannelDestroyed, PlaybackFinished
from callguard.asterisk.names import name, new_id
from callguard.asterisk.stasis import into_stasis, quietly
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.waiter import Waiter

LONGEST_S: Final = 30.0
ENTER_S: Final = 3.0
Audience = Literal["agent", "both"]


def media_uri(prompt: str) -> str:
    """Return the media URI of a prompt: a URI as it is, or the sound file of that name."""
    return prompt if ":" in prompt else f"sound:callguard/{prompt}"


class Announcer:
    """Plays through a snoop on the agent's channel that hears nothing itself."""

    def __init__(self, ari: AriClient, watch: Waiter, reconciler: Reconciler) -> None:
        self._ari = ari
        self._watch = watch
        self._reconciler = reconciler

    async def announce(self, agent: str, prompt: str, audience: Audience) -> bool:
        """Play to its end; return whether all of it was played. Raises AriError."""
        voice = name(self._ari.app, "voice", new_id())
        whisper: Literal["out", "both"] = "out" if audience == "agent" else "both"
        self._reconciler.hold(voice)
        try:
            await into_stasis(self._watch, voice, self._ari.snoop(agent, voice, whisper=whisper), ENTER_S)
            await self._reconciler.leases.grant(voice)
            return await self.play(voice, media_uri(prompt))
        finally:
            self._reconciler.remove(voice)

    async def play(self, channel: str, media: str, playback: str | None = None) -> bool:
        """Play media URIs (comma-separated) on a channel of ours; return whether all was played."""
        playback = playback or name(self._ari.app, "playback", new_id())
        with (
            self._watch.on(playback, PlaybackFinished) as finished,
            self._watch.on(channel, ChannelDestroyed) as hung_up,
        ):
            await self._ari.play(channel, playback, media)
            await asyncio.wait((finished, hung_up), timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
            return finished.done() and getattr(finished.result(), "state", "") == "done"


class Notices:
    """Plays prompts to supervisors who wait, one at a time to each channel."""

    def __init__(self, ari: AriClient, announcer: Announcer) -> None:
        self._ari = ari
        self._announcer = announcer
        self._playbacks: dict[str, str] = {}

    async def say(self, channel: str, prompt: str) -> None:
        """Play a prompt to its end, or until it is hushed. An error of Asterisk is logged."""
        playback = self._playbacks[channel] = name(self._ari.app, "playback", new_id())
        try:
            await quietly(self._announcer.play(channel, media_uri(prompt), playback))
        finally:
            if self._playbacks.get(channel) == playback:
                del self._playbacks[channel]

    async def hush(self, channel: str) -> None:
        """Stop the prompt, if one is being played: it would delay what else is asked of the channel."""
        playback = self._playbacks.pop(channel, None)
        if playback:
            await quietly(self._ari.stop_playback(playback))
