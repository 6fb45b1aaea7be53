"""Tell Asterisk, Redis and CallGuard from other programs that listen where they are expected."""

from typing import Any, Final

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import NotFoundError, ServerError
from callguard.doctor.findings import Finding

GREETING: Final = "Asterisk Call Manager/"
"""Beginning of the line with which AMI greets."""
_SHOWN: Final = 60


class ForeignError(Exception):
    """A server that answers, and is not the expected one."""


async def ensure_asterisk(client: AriClient) -> None:
    """Make sure that ARI answers. Raises ForeignError for another server, AriError as any request."""
    try:
        info = await client.request("GET", "/asterisk/info")
    except (NotFoundError, ServerError) as error:
        if isinstance(error, ServerError) and error.status:
            raise
        raise ForeignError("404 to GET /ari/asterisk/info" if error.status else str(error)) from error
    system = info.get("system") if isinstance(info, dict) else None
    if not (isinstance(system, dict) and system.get("version")):
        raise ForeignError("GET /ari/asterisk/info names no version of Asterisk")


def no_asterisk(url: str, error: ForeignError) -> Finding:
    """Return the finding about a web server that is not Asterisk's."""
    return Finding(
        "error",
        "ari",
        f"a server answers at {url}, but not as Asterisk's ARI does: {error}",
        "compare asterisk.ari.url with bindaddr, bindport and prefix in http.conf; is ari.conf enabled?",
    )


def no_manager(place: str, greeting: str) -> Finding | None:
    """Return the finding about a server that does not greet as AMI does; None where it does."""
    if greeting.startswith(GREETING):
        return None
    said = f"it says {_printable(greeting)!r}" if greeting else "it says nothing"
    text = f"a server answers at {place}, but not as Asterisk's manager interface does: {said}"
    return Finding("error", "ami", text, "compare asterisk.ami.host and port with bindaddr and port in manager.conf")


def no_redis(url: str) -> Finding:
    """Return the finding about a server that speaks something else."""
    text = f"a server answers at {url}, but not as Redis or Valkey does"
    return Finding("error", "redis", text, "compare redis.url with bind and port in the server's configuration")


def no_console(url: str) -> Finding:
    """Return the finding about a program that holds the console's port."""
    text = f"another program answers at {url}: the service can't open its console there, and does not start"
    return Finding("error", "service", text, "end that program, or set console.port to a free port")


def is_console(status: int, answer: Any) -> bool:
    """Return whether the answer of a health page is CallGuard's."""
    return status == 200 and isinstance(answer, dict) and answer.keys() >= {"status", "version"}


def _printable(text: str) -> str:
    shown = "".join(character if character.isprintable() else "·" for character in text.strip())
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
