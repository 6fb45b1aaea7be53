"""Sign commands, and check whose signature an entry of the commands stream carries. Pure.

An entry carries `sender`, `at` (Unix seconds, or ISO 8601 with its offset) and `sig`, the hex HMAC-SHA256 of
`sender\\nat\\ncommand` with the sender's key. The time window is measured between `at` and the time at which the server
took the entry, so that an entry which waits while the service is away stays good. Within REMEMBERED_S of that time the
identifiers of commands are remembered, so that no entry counts twice.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from callguard.authority.asker import Asker, sender, unsigned
from callguard.authority.authority import ForbiddenError
from callguard.config import Config

SENDER_FIELD: Final = "sender"
AT_FIELD: Final = "at"
SIGNATURE_FIELD: Final = "sig"
WINDOW_S: Final = 30.0
"""Most seconds between the time of a signature and the server's time of the entry, either way."""
REMEMBERED_S: Final = 3600.0
"""Most seconds between the server's time of an entry and now. It is well below the day for which identifiers of
commands are remembered: whoever can write to the stream can choose an entry's time, and repeat a signed entry."""
_SECONDS: Final = re.compile(r"\d{1,12}(\.\d{1,9})?")


def sign(name: str, key: str, at: str, command: str) -> str:
    """Return the signature of a command in hex."""
    return hmac.new(key.encode(), f"{name}\n{at}\n{command}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def signed(name: str, key: str, at_s: float, command: str) -> dict[str, str]:
    """Return the fields of an entry that carries a signed command; `at_s` is Unix time."""
    at = f"{at_s:.3f}"
    return {"command": command, SENDER_FIELD: name, AT_FIELD: at, SIGNATURE_FIELD: sign(name, key, at, command)}


class Gate:
    """The way in for entries of the commands stream.

    Args:
        config: names the senders.
        read_keys: returns the key of each sender whose key can be read.
    """

    def __init__(self, config: Config, read_keys: Callable[[Config], Mapping[str, str]]) -> None:
        self._read_keys = read_keys
        self.apply(config)

    def apply(self, config: Config) -> None:
        """Put other senders in force, from the next entry on; their keys are read again."""
        self._config = config
        self._keys = self._read_keys(config)

    def identify(self, fields: Mapping[str, str], command: str, entered_at: float, now: float) -> Asker:
        """Return the asker of an entry whose command is this text; raise ForbiddenError where nothing proves it.

        Args:
            fields: of the entry.
            command: the command as it stands in the entry.
            entered_at: the server's Unix time of the entry.
            now: Unix time by the server's clock.
        """
        if not fields.keys() & {SENDER_FIELD, AT_FIELD, SIGNATURE_FIELD}:
            if self._config.redis.trust == "loopback":
                return unsigned()
            raise _unproved("a signature: fields sender, at and sig; see redis.senders and redis.trust")
        name, at = fields.get(SENDER_FIELD, ""), fields.get(AT_FIELD, "")
        key = self._keys.get(name)
        expected = sign(name, key or "", at, command)
        given = fields.get(SIGNATURE_FIELD, "").lower().encode("utf-8", "replace")
        if not hmac.compare_digest(expected.encode(), given) or key is None:
            raise _unproved("the signature of a configured sender: hex HMAC-SHA256 of sender, at and command")
        if lack := _untimely(at, entered_at, now):
            raise ForbiddenError(lack, "redis", name)
        return sender(self._config, name)


def _untimely(at: str, entered_at: float, now: float) -> str | None:
    signed_at = _unix(at)
    if signed_at is None:
        return "a time in `at`: Unix seconds, or ISO 8601 with its offset"
    apart_s = entered_at - signed_at
    if abs(apart_s) > WINDOW_S:
        order = "after" if apart_s > 0 else "before"
        return f"a fresh signature: the entry came {abs(apart_s):.0f} s {order} it was signed, allowed {WINDOW_S:g} s"
    if not -WINDOW_S <= now - entered_at <= REMEMBERED_S:
        return f"a fresh entry: it has waited {now - entered_at:.0f} s, allowed {REMEMBERED_S:g} s"
    return None


def _unix(text: str) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def _unproved(missing: str) -> ForbiddenError:
    return ForbiddenError(missing, "redis")
