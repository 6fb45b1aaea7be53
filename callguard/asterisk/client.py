"""A thin typed ARI client: REST with a time limit on each request, events over a WebSocket that reconnects."""

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar
from urllib.parse import quote

import aiohttp
import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from callguard.asterisk.errors import AriError, NotFoundError, ServerError, UnreachableError, error_of
from callguard.asterisk.events import (
    PARSERS,
    ApplicationReplaced,
    AriEvent,
    Bridge,
    Channel,
    EventReader,
    MalformedError,
    bridge_from,
    channel_from,
)
from callguard.asterisk.health import ADVICE, DENIED, AriHealth
from callguard.config import Ari
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

POOL: Final = 32
"""Most connections to Asterisk's HTTP server: a burst of requests waits in this process, not in Asterisk."""
HEARTBEAT_S: Final = 10.0
"""Seconds between WebSocket pings; a peer that is silent for half as long after one counts as dead."""
CLOSE_S: Final = 1.0
"""Seconds to wait for Asterisk's close frame: a socket whose application was taken sends none."""
RECONNECT_MAX_S: Final = 5.0
HUNG_MAX_S: Final = 30.0
"""Longest pause after hanging connects: where ARI is locked up, each of them keeps one of Asterisk's HTTP sessions,
of which it has 100 by default."""
CONNECT_SHARE: Final = 0.6
"""Part of a request's time limit for the TCP connection, which separates an unreachable host from a hung ARI."""
EVERYTHING: Final = "channel:,bridge:"
"""All channels and bridges, but no device states: with those, a socket that closes while a phone changes state can lock
up ARI for good (asterisk/asterisk#2170, reproduced on 22.10.1)."""

Spy = Literal["none", "in", "out", "both"]
T = TypeVar("T")


class ApplicationTakenError(Exception):
    """Another program took the application's name, which only one node may use."""


class Connected:
    """First item after each (re)connection: earlier events may have been missed."""


class Disconnected:
    """The event socket was lost; the client keeps trying to connect."""


class AriClient:
    """The client of one Stasis application on one Asterisk. Use it as an async context manager."""

    def __init__(self, config: Ari) -> None:
        self.app = config.app
        self.reader = EventReader(time.time)
        self.health = AriHealth()
        self._config = config
        self._base = config.url.rstrip("/") + "/ari"
        self._session: aiohttp.ClientSession | None = None
        self._refused = False
        """Whether the last attempt to connect was refused; a series of refusals is one error in the log."""

    async def __aenter__(self) -> Self:
        secret = self._config.password.read().get_secret_value()
        self._session = aiohttp.ClientSession(
            headers={"Authorization": "Basic " + b64encode(f"{self._config.user}:{secret}".encode()).decode()},
            connector=aiohttp.TCPConnector(limit=POOL),
            timeout=aiohttp.ClientTimeout(
                total=self._config.timeout_s, sock_connect=self._config.timeout_s * CONNECT_SHARE
            ),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise UnreachableError("the ARI client is closed")
        return self._session

    async def request(self, method: str, path: str, params: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Make one REST request and return the JSON, or None; `path` starts with a slash and is already quoted.

        A request that changes something is completed even where the caller is cancelled, so that the caller's clean-up
        finds the object that the request made.
        """
        call = asyncio.ensure_future(self._request(method, path, params, body))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            if method == "GET":
                call.cancel()
            await asyncio.wait([call])
            if not call.cancelled():
                call.exception()  # asyncio reports an exception that is never retrieved
            raise

    async def _request(self, method: str, path: str, params: Mapping[str, str] | None, body: Any) -> Any:
        what, asked_at = f"{method} /ari{path}", time.monotonic()
        try:
            async with self._http.request(method, self._base + path, params=params, json=body) as response:
                status, answer = response.status, None
                if status < 400 and status != 204:
                    answer = await response.json(content_type=None)
                self.health.answered(status, f"{what}: {status}", time.monotonic())
                if status >= 400:
                    raise error_of(what, status, await response.text())
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._no_answer(what, asked_at, error) from error
        except ValueError as error:
            self.health.answered_otherwise(time.monotonic(), f"{what}: no JSON")
            raise ServerError(f"{what}: the answer is no JSON") from error

    def _no_answer(self, what: str, asked_at: float, error: Exception) -> UnreachableError:
        """Record a request without an answer; return the error to raise."""
        hangs = isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError)
        text = f"{what}: no answer in {self._config.timeout_s:g} s" if hangs else f"{what}: {type(error).__name__}"
        self.health.failed("hangs" if hangs else "unreachable", asked_at, text)
        return UnreachableError(text, hangs=hangs)

    # --- events ---

    async def events(self) -> AsyncIterator[AriEvent | Connected | Disconnected]:
        """Yield events until cancelled, with `Connected` before the first of each connection.

        Raises:
            ApplicationTakenError: another program uses the application's name.
        """
        while True:
            socket = await self._connect()
            yield Connected()
            async with socket:
                async for message in socket:
                    if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        continue
                    event = self.reader.read(message.data.encode() if isinstance(message.data, str) else message.data)
                    if isinstance(event, ApplicationReplaced):
                        raise ApplicationTakenError(_TAKEN.format(app=self.app))
                    if event is not None:
                        yield event
            yield Disconnected()

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((AriError, aiohttp.ClientError)),
            wait=_pause,
            before_sleep=self._log_attempt,
        )
        return await retrying(self._connect_once)

    def _log_attempt(self, state: RetryCallState) -> None:
        """Log a failed attempt to connect; a refusal, which only a person mends, as an error."""
        error = state.outcome.exception() if state.outcome else None
        refused = isinstance(error, AriError) and error.status in DENIED
        if refused and not self._refused:
            log.error("ari_refused", user=self._config.user, error=str(error), advice=ADVICE["refuses"])
        else:
            log.info("ari_unreachable", attempt=state.attempt_number, error=f"{type(error).__name__}: {error}")
        self._refused = refused

    async def _connect_once(self) -> aiohttp.ClientWebSocketResponse:
        asked_at = time.monotonic()
        try:
            socket = await within(self._open_socket(), self._config.timeout_s)
        except aiohttp.WSServerHandshakeError as error:
            if error.status < 400:
                self.health.answered_otherwise(time.monotonic(), f"GET /ari/events: {error.status}")
            else:
                self.health.answered(error.status, f"GET /ari/events: {error.status}", time.monotonic())
            raise error_of("GET /ari/events", error.status, error.message) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._no_answer("GET /ari/events", asked_at, error) from error
        self.health.answered(101, "GET /ari/events: 101", time.monotonic())
        try:
            wanted = {"allowed": [{"type": kind} for kind in PARSERS]}
            await self.request("PUT", f"/applications/{self.app}/eventFilter", body=wanted)
            await self.request("POST", f"/applications/{self.app}/subscription", {"eventSource": EVERYTHING})
        except AriError:
            await socket.close()
            raise
        return socket

    async def _open_socket(self) -> aiohttp.ClientWebSocketResponse:
        return await self._http.ws_connect(
            self._base + "/events",
            params={"app": self.app},
            heartbeat=HEARTBEAT_S,
            max_msg_size=1 << 20,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
        )

    async def probe(self) -> None:
        """Request the applications, which hangs where ARI is locked up; `health` records the outcome."""
        with suppress(AriError):
            await self.request("GET", "/applications")

    # --- channels ---

    async def channels(self) -> list[Channel]:
        """Return all channels of the PBX."""
        return [_read(channel_from, item) for item in _list(await self.request("GET", "/channels"))]

    async def channel(self, channel: str) -> Channel:
        """Return one channel; raise NotFoundError where it has hung up."""
        return _read(channel_from, await self.request("GET", _channel(channel)))

    async def variable(self, channel: str, name: str) -> str:
        """Return a channel variable or function, empty where not set; NotFoundError where the channel has hung up."""
        try:
            answer = await self.request("GET", _channel(channel, "/variable"), {"variable": name})
        except NotFoundError:
            await self.channel(channel)
            return ""
        return str(answer.get("value", "")) if isinstance(answer, dict) else ""

    async def set_variable(self, channel: str, name: str, value: str) -> None:
        """Set a channel variable."""
        await self.request("POST", _channel(channel, "/variable"), {"variable": name, "value": value})

    async def snoop(self, channel: str, snoop: str, *, spy: Spy = "none", whisper: Spy = "none") -> None:
        """Make a snoop channel with id `snoop`; it is usable only after its StasisStart."""
        params = {"app": self.app, "snoopId": snoop, "spy": spy, "whisper": whisper}
        await self.request("POST", _channel(channel, "/snoop"), params)

    async def external_media(self, channel: str, *, host: str, codec: str) -> tuple[str, int] | None:
        """Make a channel with id `channel` that exchanges RTP with `host` (address:port).

        Return the address and port from which Asterisk sends; None where it does not tell.
        """
        params = {"app": self.app, "channelId": channel, "external_host": host, "format": codec}
        return _rtp_address(await self.request("POST", "/channels/externalMedia", params))

    async def originate(
        self, channel: str, *, endpoint: str, caller_id: str, timeout_s: float, variables: Mapping[str, str]
    ) -> None:
        """Ring `endpoint` by a channel with id `channel`; its StasisStart tells that the phone was answered."""
        params = {
            "endpoint": endpoint, "app": self.app, "channelId": channel, "callerId": caller_id,
            "timeout": str(max(1, round(timeout_s))),
        }  # fmt: skip
        await self.request("POST", "/channels", params, {"variables": dict(variables)})

    async def run_dialplan(self, channel: str, *, context: str, of: str | None, variables: Mapping[str, str]) -> None:
        """Run a dialplan context beside a call, on a Local channel that is not answered.

        Its linkedid is that of the channel `of`.
        """
        params = {
            "endpoint": f"Local/s@{context}/n", "app": self.app, "channelId": channel, "otherChannelId": f"{channel}.2",
            "timeout": "5",
        } | ({"originator": of} if of else {})  # fmt: skip
        inherited = {f"__{key}": value for key, value in variables.items()}
        await self.request("POST", "/channels", params, {"variables": inherited})

    async def hang_up(self, channel: str) -> bool:
        """Hang up a channel; return False where it was already gone."""
        return await self._remove(_channel(channel))

    async def continue_to(self, channel: str, *, context: str, extension: str) -> None:
        """Send a channel of our application into the dialplan."""
        where = {"context": context, "extension": extension, "priority": "1"}
        await self.request("POST", _channel(channel, "/continue"), where)

    async def play(self, channel: str, playback: str, media: str) -> None:
        """Play media URIs (comma-separated); PlaybackFinished carries the id `playback`."""
        await self.request("POST", _channel(channel, f"/play/{_quoted(playback)}"), {"media": media})

    async def stop_playback(self, playback: str) -> None:
        """Stop a playback; one that has already ended is no error."""
        await self._remove(f"/playbacks/{_quoted(playback)}")

    async def device_state(self, device: str) -> str:
        """Return the state of a device such as PJSIP/anna in Asterisk's words: NOT_INUSE, INUSE, UNAVAILABLE…"""
        answer = await self.request("GET", f"/deviceStates/{_quoted(device)}")
        return str(answer.get("state", "")) if isinstance(answer, dict) else ""

    async def lacks_module(self, module: str) -> bool:
        """Return whether a module of Asterisk is not running."""
        try:
            answer = await self.request("GET", f"/asterisk/modules/{_quoted(module)}")
        except NotFoundError:
            return True
        return isinstance(answer, dict) and answer.get("status") != "Running"

    # --- bridges ---

    async def bridges(self) -> list[Bridge]:
        """Return all bridges of the PBX."""
        return [_read(bridge_from, item) for item in _list(await self.request("GET", "/bridges"))]

    async def create_bridge(self, bridge: str, kind: str = "mixing,dtmf_events") -> None:
        """Make a mixing bridge with this id."""
        await self.request("POST", f"/bridges/{_quoted(bridge)}", {"type": kind})

    async def add_to_bridge(self, bridge: str, *channels: str) -> None:
        """Add channels of our application to a bridge of ours."""
        await self.request("POST", f"/bridges/{_quoted(bridge)}/addChannel", {"channel": ",".join(channels)})

    async def destroy_bridge(self, bridge: str) -> None:
        """Destroy a bridge of ours; one that is already gone is no error."""
        await self._remove(f"/bridges/{_quoted(bridge)}")

    async def _remove(self, path: str) -> bool:
        try:
            await self.request("DELETE", path)
        except NotFoundError:
            return False
        return True


_TAKEN: Final = (
    "another program connected to Asterisk as Stasis application {app!r} and took over its events; "
    "give each node a name of its own in asterisk.ari.app"
)


def _pause(state: RetryCallState) -> float:
    """Return the seconds before the next connect, which are more after a hanging one."""
    error = state.outcome.exception() if state.outcome else None
    hung = isinstance(error, UnreachableError) and error.hangs
    short, long = (0.1, RECONNECT_MAX_S), (2.0, HUNG_MAX_S)
    first_s, longest_s = long if hung else short
    return wait_exponential(multiplier=first_s, max=longest_s)(state) + random.uniform(0, 0.2)  # spreads


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _channel(channel: str, rest: str = "") -> str:
    return f"/channels/{_quoted(channel)}{rest}"


def _rtp_address(answer: object) -> tuple[str, int] | None:
    variables = answer.get("channelvars") if isinstance(answer, dict) else None
    if not isinstance(variables, dict):
        return None
    host, port = (str(variables.get(f"UNICASTRTP_LOCAL_{part}", "")) for part in ("ADDRESS", "PORT"))
    try:
        known = not ip_address(host).is_unspecified
    except ValueError:
        return None
    return (host, int(port)) if known and port.isdecimal() else None


def _list(answer: object) -> list[Any]:
    if not isinstance(answer, list):
        raise ServerError("a list was expected from Asterisk")
    return answer


def _read(parse: Callable[[object], T], item: object) -> T:
    try:
        return parse(item)
    except MalformedError as error:
        raise ServerError(f"Asterisk's answer is not what ARI documents: {str(item)[:80]}") from error
