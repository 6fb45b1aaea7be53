"""ARI over HTTP: the shared part of all requests; requests about Asterisk itself and applications; the event socket."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from aiohttp import WSMsgType, web

from callguard.testbed.simulator.applications import Applications
from callguard.testbed.simulator.exchange import ASTERISK_ID, Exchange
from callguard.testbed.simulator.objects import Bridge, Channel, Json, stamp
from callguard.testbed.simulator.weather import Weather

VERSION: Final = "22.10.1"
MODULES: Final = (
    "app_audiosocket.so", "app_bridgeaddchan.so", "app_dial.so", "app_queue.so", "app_stasis.so", "chan_pjsip.so",
    "func_timeout.so",
    "chan_rtp.so", "res_ari.so", "res_audiosocket.so", "res_rtp_asterisk.so", "res_stasis.so", "res_stasis_snoop.so",
)  # fmt: skip
"""Modules that a program may look for; bridge_native_rtp is missing, since a simulated call can't use it."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AriFault(Exception):  # noqa: N818 -- an answer to a request
    """An error answer to a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def arguments(request: web.Request) -> dict[str, Any]:
    """Return a request's parameters: query and JSON body merged, as Asterisk accepts them."""
    found: dict[str, Any] = dict(request.query)
    if request.can_read_body:
        try:
            body = await request.json()
        except ValueError:
            raise AriFault(400, "Invalid JSON") from None
        if isinstance(body, dict):
            found |= body
    return found


def needed(found: dict[str, Any], name: str, what: str) -> str:
    """Return a parameter; answer 400 where it is missing."""
    if not found.get(name):
        raise AriFault(400, f"{what} is required")
    return str(found[name])


class Rest:
    """Base of the handlers: finds the objects that a request names."""

    def __init__(self, exchange: Exchange, applications: Applications) -> None:
        self.exchange = exchange
        self.applications = applications

    def channel(self, request: web.Request, message: str = "Channel not found") -> Channel:
        """Return the channel in the path; answer 404 where it has hung up."""
        found = self.exchange.channels.get(request.match_info["channel"])
        if found is None:
            raise AriFault(404, message)
        return found

    def ours(self, channel: Channel, status: int = 409) -> Channel:
        """Return a channel that an application controls; answer an error for any other."""
        if channel.app is None:
            raise AriFault(status, "Channel not in Stasis application")
        return channel

    def bridge(self, request: web.Request) -> Bridge:
        """Return the bridge in the path; answer 404 where it has ended."""
        found = self.exchange.bridges.get(request.match_info["bridge"])
        if found is None:
            raise AriFault(404, "Bridge not found")
        return found


class GeneralRest(Rest):
    """Asterisk itself, applications, events."""

    def __init__(self, exchange: Exchange, applications: Applications) -> None:
        super().__init__(exchange, applications)
        self._sockets: set[asyncio.Transport] = set()

    def drop_sockets(self) -> None:
        """Break all event sockets without a close frame: clients see close code 1006."""
        for transport in list(self._sockets):
            transport.abort()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this class."""
        return [
            web.get("/ari/asterisk/info", self.info),
            web.get("/ari/asterisk/ping", self.ping),
            web.get("/ari/asterisk/modules", self.modules),
            web.get("/ari/asterisk/modules/{module}", self.module),
            web.get("/ari/applications", self.index),
            web.get("/ari/applications/{app}", self.show),
            web.put("/ari/applications/{app}/eventFilter", self.filter),
            web.post("/ari/applications/{app}/subscription", self.subscribe),
            web.get("/ari/events", self.events),
        ]

    async def info(self, _: web.Request) -> web.Response:
        """GET /asterisk/info."""
        started = stamp(self.exchange.clock.epoch)
        return web.json_response(
            {
                "build": {"os": "Linux", "kernel": "", "machine": "", "options": "", "date": "", "user": ""},
                "system": {"version": f"{VERSION}-simulated", "entity_id": ASTERISK_ID},
                "config": {"name": "", "default_language": "en", "setid": {"user": "", "group": ""}},
                "status": {"startup_time": started, "last_reload_time": started},
            }
        )

    async def ping(self, _: web.Request) -> web.Response:
        """GET /asterisk/ping."""
        now = stamp(self.exchange.clock.now)
        return web.json_response({"ping": "pong", "timestamp": now, "asterisk_id": ASTERISK_ID})

    async def modules(self, _: web.Request) -> web.Response:
        """GET /asterisk/modules."""
        return web.json_response([_module(name) for name in MODULES])

    async def module(self, request: web.Request) -> web.Response:
        """GET /asterisk/modules/{module}."""
        name = request.match_info["module"]
        if name not in MODULES:
            raise AriFault(404, "Module could not be found in running modules")
        return web.json_response(_module(name))

    async def index(self, _: web.Request) -> web.Response:
        """GET /applications."""
        return web.json_response([each.view() for each in self.applications.by_name.values()])

    async def show(self, request: web.Request) -> web.Response:
        """GET /applications/{app}."""
        return web.json_response(self._known(request))

    def _known(self, request: web.Request) -> Json:
        found = self.applications.by_name.get(request.match_info["app"])
        if found is None:
            raise AriFault(404, "Application not found")
        return found.view()

    async def filter(self, request: web.Request) -> web.Response:
        """PUT /applications/{app}/eventFilter."""
        body = await arguments(request)
        rules = [*_rules(body, "allowed"), *_rules(body, "disallowed")]
        if not all(isinstance(rule, dict) and isinstance(rule.get("type"), str) for rule in rules):
            raise AriFault(400, "Invalid body")
        self.applications.set_filter(request.match_info["app"], body)
        return web.json_response(self._known(request))

    async def subscribe(self, request: web.Request) -> web.Response:
        """POST /applications/{app}/subscription."""
        sources = needed(await arguments(request), "eventSource", "Event source").split(",")
        view = self._known(request)
        application = self.applications.by_name[view["name"]]
        wanted = {source.partition(":")[2] for source in sources}
        application.sources |= wanted
        application.subscribe_all |= "" in wanted  # `channel:` names no channel and means all of them
        return web.json_response(application.view())

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        """GET /events: a WebSocket that carries events until either side ends it."""
        names = needed(dict(request.query), "app", "Application name").split(",")
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        transport = cast(asyncio.Transport, request.transport)
        self._sockets.add(transport)
        waiting: asyncio.Queue[str] = asyncio.Queue()
        outlet = waiting.put_nowait
        for name in names:
            replaced = {
                "type": "ApplicationReplaced", "timestamp": stamp(self.exchange.clock.now), "application": name,
                "asterisk_id": ASTERISK_ID,
            }  # fmt: skip
            every = request.query.get("subscribeAll", "false").lower() in ("true", "yes", "1")
            self.applications.connect(name, outlet, replaced, subscribe_all=every)
        writer = asyncio.create_task(_write(socket, waiting))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            writer.cancel()
            self._sockets.discard(transport)
            self.applications.disconnect(outlet)
        return socket


def _module(name: str) -> Json:
    return {"name": name, "description": "simulated", "use_count": 0, "status": "Running", "support_level": "core"}


def _rules(body: Json, name: str) -> list[Any]:
    found = body.get(name, [])
    return found if isinstance(found, list) else [None]


async def _write(socket: web.WebSocketResponse, waiting: "asyncio.Queue[str]") -> None:
    while True:
        try:
            await socket.send_str(await waiting.get())
        except ConnectionError:
            return


def guard(user: str, password: str, weather: Weather) -> Any:
    """Return the middleware: it checks credentials, then applies the faults, then words errors as Asterisk does."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _allowed(request, user, password):
            return web.json_response(
                {"message": "Authentication required"}, status=401,
                headers={"WWW-Authenticate": 'Basic realm="Asterisk REST Interface"'},
            )  # fmt: skip
        struck = await weather.strike(request)
        if struck is not None:
            return struck
        try:
            return await handler(request)
        except AriFault as fault:
            return web.json_response({"message": str(fault)}, status=fault.status)
        except web.HTTPNotFound:
            return web.json_response({"message": "Resource not found"}, status=404)
        except web.HTTPMethodNotAllowed:
            return web.json_response({"message": "Invalid method"}, status=405)

    return middleware


def _allowed(request: web.Request, user: str, password: str) -> bool:
    given = request.query.get("api_key", "") or _basic(request.headers.get("Authorization", ""))
    return hmac.compare_digest(given.encode(), f"{user}:{password}".encode())


def _basic(header: str) -> str:
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
