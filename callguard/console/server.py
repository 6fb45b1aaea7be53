"""The console's HTTP server. Everybody who reaches the address may read; commands need the token."""

import asyncio
import hmac
import json
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from callguard import __version__
from callguard.authority import Asker
from callguard.authority.asker import console
from callguard.authority.authority import FORBIDDEN
from callguard.bus.nodes import NEEDED, together
from callguard.bus.overview import Overview
from callguard.config import Config
from callguard.console.feed import Feed
from callguard.console.limiter import Limiter
from callguard.console.metrics import CONTENT_TYPE, Metrics
from callguard.console.runbooks import INDEX, linked, page
from callguard.contracts.commands import MAX_BYTES, Command, MalformedCommandError, parse_command
from callguard.contracts.events import CommandCompleted, CommandFailed, Published
from callguard.contracts.messages import CallSnapshot, Transition
from callguard.runtime.ports import listening
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

STATIC: Final = Path(__file__).parent / "static"
STALL_S: Final = 30.0
"""Seconds without reading after which a screen is disconnected."""
BODY_S: Final = 5.0
"""Seconds within which a command's body must arrive."""
WRONG_TOKEN_S: Final = 0.5
"""Seconds of delay after a wrong token, which slow guessing down."""
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Submit = Callable[[Command, Asker], Awaitable[CommandCompleted | CommandFailed]]


class Console:
    """Serves the board of one node.

    Args:
        overview: present calls, alerts and sessions; folded by the bus.
        submit: carries a command of a proved asker out and returns its answer.
        metrics: shown under /metrics.
    """

    def __init__(
        self,
        config: Config,
        overview: Overview,
        submit: Submit,
        metrics: Metrics,
    ) -> None:
        self._config = config.console
        self._overview = overview
        self._submit = submit
        self._metrics = metrics
        self.apply(config)
        self._feed = Feed(overview)
        self._screens: Counter[str] = Counter()
        """Open screens of each address."""
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self.url = ""
        """Address at which it listens, once started."""

    def apply(self, config: Config) -> None:
        """Put another token, address and other names in force. Raises ConfigError when the token can't be read."""
        self._token = config.console.token.read().get_secret_value()
        self._address = config.console.url
        self.asker = console(config)
        """Holder of the token."""
        names = [supervisor.name for supervisor in config.supervisors]
        self._supervisors = [name for name in names if not self.asker.supervisors or name in self.asker.supervisors]
        self._rights = config.access.rights[self.asker.role]

    def see(self, _: Published) -> None:
        """Show a change that an event made in the overview."""
        self._feed.change()

    def show(self, _: CallSnapshot) -> None:
        """Show signals that were folded into the overview."""
        self._feed.change_soon()

    def linked(self, transition: Transition) -> Transition:
        """Return a transition whose link to a runbook leads to this console."""
        return linked(transition, self._address or self.url)

    async def start(self) -> None:
        """Listen. Raises PortError where that can't be done, with the key and the remedy."""
        limiter = Limiter(self._config, self._metrics.count_closed)
        app = web.Application(client_max_size=MAX_BYTES, middlewares=[limiter.middleware])
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/", self._page)
        app.router.add_static("/static", STATIC)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/api/board", self._board)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/session", self._session)
        app.router.add_post("/api/commands", self._command)
        app.router.add_get("/runbooks/", self._runbook)
        app.router.add_get("/runbooks/{name}", self._runbook)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        with listening("console", "port", self._config.listen, self._config.port):
            self._server = await limiter.open(self._runner)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close all screens, stop listening."""
        self._feed.close()
        if self._server:
            self._server.close()
            self._server = None
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": __version__})

    async def _ready(self, _: web.Request) -> web.Response:
        """Answer 200 when calls can be heard, else 503 with the parts that prevent it."""
        missing = sorted(part for parts in self._overview.degraded.values() for part in parts.keys() & NEEDED)
        ready = bool(self._overview.nodes) and not missing
        heard = asdict(together(self._overview.heard.values()))
        return web.json_response({"ready": ready, "missing": missing, "hearing": heard}, status=200 if ready else 503)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _board(self, _: web.Request) -> web.Response:
        return web.json_response(text=self._feed.text())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        source = request.remote or ""
        if self._screens.total() >= self._config.screens or self._screens[source] >= self._config.screens_per_source:
            raise web.HTTPServiceUnavailable(text="too many screens; see console.screens and screens_per_source")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self._screens[source] += 1
        try:
            await response.prepare(request)
            async for chunk in self._feed.follow():
                await within(response.write(chunk), STALL_S)
        except ConnectionResetError:
            log.debug("screen_gone")
        except TimeoutError:
            log.info("screen_reads_nothing", source=source)
            if request.transport:
                request.transport.abort()
        finally:
            self._screens[source] -= 1
            self._screens += Counter()  # drops addresses without a screen
        return response

    async def _session(self, request: web.Request) -> web.Response:
        """Answer whether the token allows commands, and name the supervisors whom commands may concern."""
        refusal = await self._refusal(request)
        return refusal or web.json_response({"supervisors": self._supervisors, "rights": self._rights})

    async def _command(self, request: web.Request) -> web.Response:
        refusal = await self._refusal(request)
        if refusal:
            return refusal
        try:
            command = parse_command(_with_id(await within(request.text(), BODY_S)))
        except TimeoutError:
            return web.json_response({"reason": f"the command did not come within {BODY_S:g} s"}, status=408)
        except (MalformedCommandError, UnicodeDecodeError) as error:
            return web.json_response({"reason": str(error)}, status=400)
        answer = await self._submit(command, self.asker)
        return web.json_response(answer.model_dump(mode="json"), status=_status(answer))

    async def _runbook(self, request: web.Request) -> web.Response:
        text = page(request.match_info.get("name", INDEX))
        if text is None:
            raise web.HTTPNotFound(text="there is no such runbook; /runbooks/ lists those that there are")
        return web.Response(text=text, content_type="text/html")

    async def _refusal(self, request: web.Request) -> web.Response | None:
        if not self._token:
            return web.json_response({"reason": "read-only: no console.token is configured"}, status=403)
        given = request.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self._token}".encode()):
            return None
        await asyncio.sleep(WRONG_TOKEN_S)
        headers = {"WWW-Authenticate": "Bearer"}
        return web.json_response({"reason": "wrong or missing token"}, status=401, headers=headers)


def _status(answer: CommandCompleted | CommandFailed) -> int:
    if isinstance(answer, CommandCompleted):
        return 200
    return 403 if answer.reason == FORBIDDEN else 409


def _with_id(text: str) -> str:
    """Give a command an identifier of our own. A body that is no JSON object stays as it is and is refused later."""
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(given | {"id": str(uuid.uuid4())}) if isinstance(given, dict) else text


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
