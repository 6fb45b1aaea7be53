"""ARI's requests about channels and playbacks."""

import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, get_args

from aiohttp import web

from callguard.audio.frames import FRAME_S
from callguard.testbed.simulator.applications import Applications
from callguard.testbed.simulator.dialplan import Dialplan
from callguard.testbed.simulator.exchange import BUSY, NORMAL, UNKNOWN, Exchange
from callguard.testbed.simulator.media import RTP_FORMATS, RtpSession
from callguard.testbed.simulator.objects import Channel, Direction, Party, Phone, Place, Playback, Snoop
from callguard.testbed.simulator.prompts import prompt
from callguard.testbed.simulator.rest.general import AriFault, Rest, arguments, needed
from callguard.testbed.simulator.ringing import Ringing

APPLIED: Final = "AppDial2"
HOLD: Final = "CHANNEL(rtp,hold,audio)"
"""A function that tells whether the channel's phone holds."""
CAUSES: Final = {"normal": NORMAL, "busy": BUSY}

OpenRtp = Callable[[RtpSession], Awaitable[int]]
"""Binds an RTP session and returns its port."""


class ChannelRest(Rest):
    """Channels and playbacks."""

    def __init__(
        self, exchange: Exchange, applications: Applications, dialplan: Dialplan, phones: dict[str, Phone],
        open_rtp: OpenRtp,
    ) -> None:  # fmt: skip
        super().__init__(exchange, applications)
        self._dialplan = dialplan
        self._phones = phones
        self._open_rtp = open_rtp

    def routes(self) -> list[web.RouteDef]:
        """The routes of this class."""
        one = "/ari/channels/{channel}"
        return [
            web.get("/ari/channels", self.index),
            web.post("/ari/channels", self.originate),
            web.post("/ari/channels/externalMedia", self.external_media),
            web.get(one, self.show),
            web.post(one, self.originate),
            web.delete(one, self.hang_up),
            web.get(f"{one}/variable", self.get_variable),
            web.post(f"{one}/variable", self.set_variable),
            web.post(f"{one}/snoop", self.snoop),
            web.post(f"{one}/snoop/{{snoop}}", self.snoop),
            web.post(f"{one}/continue", self.leave),
            web.post(f"{one}/play", self.play),
            web.post(f"{one}/play/{{playback}}", self.play),
            web.delete("/ari/playbacks/{playback}", self.stop_playback),
        ]

    async def index(self, _: web.Request) -> web.Response:
        """GET /channels."""
        return web.json_response([each.view() for each in self.exchange.channels.values()])

    async def show(self, request: web.Request) -> web.Response:
        """GET /channels/{channel}."""
        return web.json_response(self.channel(request).view())

    async def hang_up(self, request: web.Request) -> web.Response:
        """DELETE /channels/{channel}."""
        channel = self.channel(request)
        self.exchange.about("ChannelHangupRequest", channel, cause=32, soft=True)
        self.exchange.hang_up(channel, CAUSES.get(request.query.get("reason", "normal"), NORMAL))
        return web.Response(status=204)

    # --- variables ---

    async def get_variable(self, request: web.Request) -> web.Response:
        """GET /channels/{channel}/variable."""
        name = needed(await arguments(request), "variable", "Variable name")
        channel = self.channel(request, "Provided channel was not found")
        value = str(int(channel.held)) if name == HOLD else _value(channel, name)
        if value is None:
            raise AriFault(404, "Provided variable was not found")
        return web.json_response({"value": value})

    async def set_variable(self, request: web.Request) -> web.Response:
        """POST /channels/{channel}/variable."""
        found = await arguments(request)
        name = needed(found, "variable", "Variable name")
        channel = self.ours(self.channel(request, "Provided channel was not found"))
        self.exchange.set_variable(channel, name, str(found.get("value", "")))
        return web.Response(status=204)

    # --- making channels ---

    async def snoop(self, request: web.Request) -> web.Response:
        """POST /channels/{channel}/snoop."""
        found = await arguments(request)
        target = self.channel(request, "Provided channel was not found")
        spy, whisper = _direction(found, "spy"), _direction(found, "whisper")
        if spy == whisper == "none":
            raise AriFault(400, "Direction must be specified for at least spy or whisper")
        app = needed(found, "app", "Application name")
        own = request.match_info.get("snoop") or found.get("snoopId") or None
        if own in self.exchange.channels:
            raise AriFault(500, "Snoop channel could not be created")
        snoop = self.exchange.snoop(target, Snoop(target.id, spy, whisper), own)
        self._enter_soon(snoop, app, _args(found))
        return web.json_response(snoop.view())

    def _enter_soon(self, channel: Channel, app: str, args: list[str]) -> None:
        """Give a new channel to its application a frame later; the channel ends where the application has no socket."""

        def enter() -> None:
            if self.exchange.channels.get(channel.id) is not channel:
                return
            if not self.applications.active(app):
                self.exchange.hang_up(channel, UNKNOWN)
                return
            if channel.state == "Down":
                self.exchange.set_state(channel, "Up")
            self.exchange.move(channel, Place("default", "s", 1, "Stasis", app))
            self.exchange.start_stasis(channel, app, args)

        self.exchange.clock.after(FRAME_S, enter)

    async def originate(self, request: web.Request) -> web.Response:
        """POST /channels: ring a phone for an application."""
        found = await arguments(request)
        endpoint, app = needed(found, "endpoint", "Endpoint"), needed(found, "app", "Application")
        taken = AriFault(409, "Channel with given unique ID already exists")
        own = self._new_id(request.match_info.get("channel") or found.get("channelId"), taken)
        phone = self._phones.get(endpoint)
        if phone is None or not phone.registered:
            raise AriFault(500, "Allocation failed")
        timeout_s = _seconds(found.get("timeout", 30))
        party = _party(str(found["callerId"])) if found.get("callerId") else phone.party
        channel = self.exchange.create(
            f"{endpoint}-", channel=own, phone=phone, caller=phone.party, place=Place("phones")
        )
        channel.caller = party
        self.exchange.move(channel, Place("phones", "s", 1, APPLIED, "(Outgoing Line)"))
        channel.variables |= {name: str(value) for name, value in _mapping(found.get("variables")).items()}
        Ringing(
            self.exchange, channel, phone, caller=None, timeout_s=timeout_s,
            answered=lambda: self._answered(channel, app, _args(found)), failed=lambda _: None,
        )  # fmt: skip
        return web.json_response(channel.view())

    def _answered(self, channel: Channel, app: str, args: list[str]) -> None:
        if self.applications.active(app):
            self.exchange.start_stasis(channel, app, args)
        else:
            self.exchange.hang_up(channel)

    async def external_media(self, request: web.Request) -> web.Response:
        """POST /channels/externalMedia: RTP only."""
        found = await arguments(request)
        app, codec = needed(found, "app", "Application"), needed(found, "format", "Format")
        host, _, port = needed(found, "external_host", "External host").rpartition(":")
        if codec not in RTP_FORMATS or not port.isdigit() or not host:
            raise AriFault(400, "Invalid format or external_host")
        own = self._new_id(found.get("channelId"), AriFault(500, "Internal server error"))
        session = RtpSession((host, int(port)), codec, ssrc=random.getrandbits(32))
        local = await self._open_rtp(session)
        channel = self.exchange.create(f"UnicastRTP/{host}:{port}-0x", channel=own)
        channel.media, channel.sends_heard = session, True
        channel.variables |= {"UNICASTRTP_LOCAL_ADDRESS": "127.0.0.1", "UNICASTRTP_LOCAL_PORT": str(local)}
        self._enter_soon(channel, app, _args(found))
        return web.json_response({**channel.view(), "channelvars": dict(channel.variables)})

    def _new_id(self, wanted: Any, taken: AriFault) -> str | None:
        if wanted in self.exchange.channels:
            raise taken
        return str(wanted) if wanted else None

    # --- an application's requests about its own channels ---

    async def leave(self, request: web.Request) -> web.Response:
        """POST /channels/{channel}/continue."""
        channel = self.ours(self.channel(request))
        found = await arguments(request)
        context = str(found.get("context") or channel.place.context)
        self._continue(channel, context, str(found.get("extension") or channel.place.exten))
        return web.Response(status=204)

    def _continue(self, channel: Channel, context: str, exten: str) -> None:
        """Continue in the dialplan after all playbacks: a channel runs its commands in series."""
        if self.exchange.playing(channel.id):
            self.exchange.clock.after(FRAME_S, lambda: self._continue(channel, context, exten))
        elif channel.app is not None:
            self.exchange.leave(channel)
            self._dialplan.run(channel, context, exten)

    async def play(self, request: web.Request) -> web.Response:
        """POST /channels/{channel}/play."""
        channel = self.ours(self.channel(request))
        playback = make_playback(await arguments(request), request, channel.id, to_bridge=False)
        self.exchange.play(playback)
        return web.json_response(playback.view(), status=201)

    async def stop_playback(self, request: web.Request) -> web.Response:
        """DELETE /playbacks/{playback}."""
        playback = self.exchange.playbacks.get(request.match_info["playback"])
        if playback is None:
            raise AriFault(404, "Playback not found")
        self.exchange.finish(playback)
        return web.Response(status=204)


def make_playback(found: dict[str, Any], request: web.Request, target: str, *, to_bridge: bool) -> Playback:
    """Return the requested playback; one of unknown sounds has no audio and fails at its turn."""
    media = needed(found, "media", "Media")
    own = request.match_info.get("playback") or found.get("playbackId") or str(uuid.uuid4())
    return Playback(str(own), media, target, to_bridge, prompt(media))


def _value(channel: Channel, name: str) -> str | None:
    functions = {
        "CHANNEL(linkedid)": channel.linkedid, "CHANNEL(name)": channel.name, "CHANNEL(uniqueid)": channel.id,
        "UNIQUEID": channel.id, "CALLERID(num)": channel.caller.number, "CALLERID(name)": channel.caller.name,
    }  # fmt: skip
    if name in functions:
        return functions[name]
    return next((value for key, value in channel.variables.items() if key.lstrip("_") == name.lstrip("_")), None)


def _direction(found: dict[str, Any], name: str) -> Direction:
    given = found.get(name) or "none"
    for known in get_args(Direction):
        if given == known:
            return known  # type: ignore[no-any-return]
    raise AriFault(400, f"Invalid direction specified for {name}")


def _args(found: dict[str, Any]) -> list[str]:
    return str(found["appArgs"]).split(",") if found.get("appArgs") else []


def _seconds(value: Any) -> float:
    try:
        return max(FRAME_S, float(value))
    except (TypeError, ValueError):
        raise AriFault(400, "Invalid timeout") from None


def _party(caller_id: str) -> Party:
    """Return the party of `Name <number>`; a text without brackets is a name."""
    name, _, number = caller_id.partition("<")
    return Party(name.strip(), number.strip("> "))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
