"""Describe events of the PBX in one line each for a reader; other events give no line."""

from collections.abc import Callable
from typing import Final

from callguard.testbed.simulator.objects import Json


def line(event: Json) -> str | None:
    """Return a line for an event, or None."""
    tell = LINES.get(event["type"])
    return tell(event) if tell else None


def _of_channel(what: str) -> Callable[[Json], str]:
    return lambda event: f"{event['channel']['name']} {what.format_map(event)}"


def _of_playback(event: Json) -> str:
    playback = event["playback"]
    return f"{playback['media_uri']} on {playback['target_uri']}: {playback['state']}"


def _dial(event: Json) -> str | None:
    return f"{event['peer']['name']} {event['dialstatus'].lower()}" if event["dialstatus"] else None


LINES: Final[dict[str, Callable[[Json], str | None]]] = {
    "ChannelCreated": _of_channel("created"),
    "ChannelDestroyed": _of_channel("hung up ({cause_txt})"),
    "Dial": _dial,
    "ChannelEnteredBridge": _of_channel("joins bridge {bridge[id]}"),
    "ChannelLeftBridge": _of_channel("leaves bridge {bridge[id]}"),
    "ChannelHold": _of_channel("puts the other on hold"),
    "ChannelUnhold": _of_channel("is back from hold"),
    "ChannelDtmfReceived": _of_channel("pressed {digit}"),
    "ChannelUserevent": _of_channel("sent user event {eventname}"),
    "StasisStart": _of_channel("enters application {application}"),
    "StasisEnd": _of_channel("leaves application {application}"),
    "PlaybackStarted": _of_playback,
    "PlaybackFinished": _of_playback,
    "BridgeBlindTransfer": lambda event: f"{event['channel']['name']} transferred to {event['exten']}",
    "BridgeAttendedTransfer": lambda event: f"{event['transferer_first_leg']['name']} handed the call over",
}
