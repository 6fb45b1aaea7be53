"""Read `redis.url`: one server, a Unix socket, a service that Sentinel watches, or a cluster.

redis://host:6379/0                        rediss:// with TLS
unix:///run/valkey/valkey.sock?db=0
redis+sentinel://h1:26379,h2:26379/mymaster/0
redis+cluster://h1:6379,h2:6379
"""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from callguard.config.base import bracketed

Kind = Literal["server", "unix", "sentinel", "cluster"]
SCHEMES: Final[dict[str, tuple[Kind, bool]]] = {
    "redis": ("server", False),
    "rediss": ("server", True),
    "unix": ("unix", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
"""Each scheme's kind, and whether it uses TLS."""
PORTS: Final[dict[Kind, int]] = {"server": 6379, "unix": 0, "sentinel": 26379, "cluster": 6379}
SENTINEL_FORM: Final = "redis+sentinel://h1:26379,h2:26379/service/0"
HASH_TAG: Final = "'{callguard}:'"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A parsed `redis.url`."""

    kind: Kind
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    """Host and port of the server, of each sentinel, or of some nodes of the cluster."""
    username: str
    service: str
    """Sentinel's name of the primary and its replicas."""
    db: int
    query: str
    """Further settings of the client library, such as `ssl_ca_certs=/etc/ssl/redis.pem`."""

    @property
    def first_as_url(self) -> str:
        """Return the URL of the first host as a single server's."""
        host, port = self.hosts[0]
        user = f"{self.username}@" if self.username else ""
        query = f"?{self.query}" if self.query else ""
        return f"redis{'s' * self.tls}://{user}{bracketed(host)}:{port}/{self.db}{query}"


def read_redis_url(url: str) -> RedisAddress:
    """Parse a URL. Raises ValueError with what is wrong and what is allowed; no message repeats a password."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError(f"starts with none of {', '.join(f'{each}://' for each in SCHEMES)}")
    kind, tls = SCHEMES[scheme]
    # Newer Pythons (and Debian's 3.11.2) refuse brackets behind a first host, so hosts are not left to urlsplit.
    places = re.split("[/?#]", rest, maxsplit=1)[0]
    parts = urlsplit(f"{scheme}://h{rest[len(places) :]}")
    user, _, places = places.rpartition("@")
    if ":" in user or "password" in parse_qs(parts.query):
        raise ValueError("holds a password; give it with the key `password` beside it")
    service, db = _path(kind, parts.path)
    hosts = tuple(_host(place, kind) for place in places.split(",")) if kind != "unix" else ()
    if kind == "server" and len(hosts) > 1:
        raise ValueError("names several servers; redis+sentinel:// and redis+cluster:// may do that")
    return RedisAddress(kind, tls, hosts, unquote(user), service, db, parts.query)


def _path(kind: Kind, path: str) -> tuple[str, int]:
    """Return service and database."""
    if kind == "unix":
        return "", 0
    words = [unquote(word) for word in path.split("/") if word]
    if kind == "sentinel":
        if not words:
            raise ValueError(f"lacks the service that the sentinels watch: {SENTINEL_FORM}")
        service, *words = words
    else:
        service = ""
    if len(words) > 1 or not all(word.isdecimal() for word in words):
        raise ValueError("has a path that is no database number, such as /0")
    db = int(words[0]) if words else 0
    if kind == "cluster" and db:
        raise ValueError("names a database; a cluster has only database 0")
    return service, db


def _host(place: str, kind: Kind) -> tuple[str, int]:
    """Return host and port of `host`, `host:port`, `[::1]` or `[::1]:port`."""
    inside, closing, after = place.rpartition("]")
    host, _, port = after.partition(":") if not closing else (inside.removeprefix("["), "", after.removeprefix(":"))
    if not host and kind == "server":
        host = "localhost"
    if not host or not (port or "0").isdecimal() or int(port or 0) > 65535 or (":" in host and not closing):
        raise ValueError(f"has a part that is no host and port: {place!r}; IPv6 addresses stand in brackets")
    return host, int(port or PORTS[kind])


def checked_redis_url(url: str) -> str:
    """Return a URL as it is; raise ValueError where it can't be read."""
    read_redis_url(url)
    return url


def prefix_for(url: str, prefix: str) -> str:
    """Return a prefix as it is; raise ValueError where a cluster would spread its keys over several nodes."""
    start = prefix.find("{")
    tagged = start >= 0 and prefix.find("}", start) > start + 1
    if read_redis_url(url).kind == "cluster" and not tagged:
        raise ValueError(f"needs a hash tag with redis+cluster, so that one node holds all keys: {HASH_TAG}")
    return prefix
