"""Connect to Redis or Valkey: one server, the primary that Sentinel names, or the cluster's node that holds our keys.

The address is asked anew for each connection. An error answer that is not about the request itself means that this
server is of no use now: it became a replica, loads its data, runs a script, is full, or lost its cluster. Then its
connection is closed, and the next request looks for the right server: behind a moving address (DNS, virtual IP) too.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as NotReachedError

from callguard.config import ConfigError, Secret
from callguard.config import Redis as RedisConfig
from callguard.config.redis_address import RedisAddress, read_redis_url

TIMEOUT_S: Final = 3.0
"""Longest wait for a connection and for one answer, in seconds; longer than any blocking read. With the search for
another server it leaves the service less than 5 s behind after a server has vanished."""
SEARCH_S: Final = 0.5
"""Seconds in which a sentinel, or a node of a cluster, must answer; then the next one is asked."""
ABOUT_THE_REQUEST: Final = ("BUSYGROUP", "NOGROUP", "NOSCRIPT", "WRONGTYPE")
Route = Callable[[], Awaitable[tuple[str, int]]]


def connect(config: RedisConfig) -> Redis:
    """Return a client that connects at its first command. It never retries: its callers decide when to try again.

    Bytes that are not UTF-8 are read as replacement characters, so that a foreign entry can't stop a reader.

    Raises:
        ConfigError: the password can't be read.
    """
    config.password.read()
    address = read_redis_url(config.url)
    common: dict[str, Any] = {
        "decode_responses": True,
        "encoding_errors": "replace",
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
    }
    found: dict[str, Any] = dict(parse_url(config.url if address.kind == "unix" else address.first_as_url))
    user = found.pop("username", None)
    if config.password.env or config.password.file:
        found["credential_provider"] = _Password(config.password, user)
    elif user:
        found["username"] = user
    kind = _Unix if address.kind == "unix" else _Tls if address.tls else _Tcp
    found |= common | {"connection_class": kind}
    if route := _route(address, config, found):
        found["route"] = route
    return Redis.from_pool(ConnectionPool(**found))


class _Password(CredentialProvider):
    """Reads the password for each connection: it may have been changed since the last one."""

    def __init__(self, secret: Secret, user: str | None) -> None:
        self._secret = secret
        self._user = (user,) if user else ()

    def get_credentials(self) -> tuple[str, ...]:  # type: ignore[override]  # the library's type names both lengths
        try:
            return (*self._user, self._secret.read().get_secret_value())
        except ConfigError as error:
            raise AuthenticationError("; ".join(error.problems)) from None

    async def get_credentials_async(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.get_credentials()


class _Leaving(AbstractConnection):
    """A connection that is not used again after an answer by which its server is of no use."""

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Greet the server; a part of the greeting that it does not know is no reason to leave."""
        await super().on_connect_check_health(check_health)
        self.reset_should_reconnect()  # type: ignore[no-untyped-call]

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read one answer; decide by it whether the connection is used again."""
        try:
            answer = await super().read_response(*args, **options)
        except ResponseError as error:
            self._leave_after((error,))
            raise
        if isinstance(answer, list):  # of a transaction
            self._leave_after(part for part in answer if isinstance(part, ResponseError))
        return answer

    def _leave_after(self, errors: Iterable[ResponseError]) -> None:
        if any(not str(error).startswith(ABOUT_THE_REQUEST) for error in errors):
            self.mark_for_reconnect()  # type: ignore[no-untyped-call]


class _Unix(_Leaving, UnixDomainSocketConnection):
    pass


class _Tcp(_Leaving, Connection):
    """A connection to the address that its route names when it is opened."""

    def __init__(self, *, route: Route | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._route = route

    async def _connect(self) -> None:
        if self._route:
            self.host, self.port = await self._route()
        await super()._connect()  # type: ignore[no-untyped-call]


class _Tls(_Tcp, SSLConnection):
    pass


def _route(address: RedisAddress, config: RedisConfig, found: dict[str, Any]) -> Route | None:
    options = {
        name: value
        for name, value in found.items()
        if name.startswith("ssl_") or name in ("credential_provider", "username", "retry")
    } | {"ssl": address.tls, "socket_timeout": SEARCH_S, "socket_connect_timeout": SEARCH_S}
    if address.kind == "sentinel":
        for name in ("credential_provider", "username"):
            options.pop(name, None)
        if config.sentinel_password.env or config.sentinel_password.file:
            options["credential_provider"] = _Password(config.sentinel_password, None)
        return _BySentinel(address, options)
    return _ByCluster(address, config.prefix, options) if address.kind == "cluster" else None


class _BySentinel:
    """Asks the sentinels, one after another, for the primary of a service."""

    def __init__(self, address: RedisAddress, options: dict[str, Any]) -> None:
        self._address = address
        self._options = options

    async def __call__(self) -> tuple[str, int]:
        asked = Sentinel(self._address.hosts, **self._options)  # type: ignore[no-untyped-call]
        try:
            host, port = await asked.discover_master(self._address.service)
        finally:
            for sentinel in asked.sentinels:
                await sentinel.aclose()
        return str(host), int(port)


class _ByCluster:
    """Asks the cluster's nodes, one after another, for the primary that holds all keys with our hash tag."""

    def __init__(self, address: RedisAddress, prefix: str, options: dict[str, Any]) -> None:
        self._seeds = address.hosts
        self._known: tuple[tuple[str, int], ...] = ()
        self._slot = key_slot(prefix.encode())
        self._options = options

    async def __call__(self) -> tuple[str, int]:
        problem: Exception = NotReachedError("no node of the cluster was asked")
        for host, port in dict.fromkeys((*self._known, *self._seeds)):
            try:
                return await self._ask(host, port)
            except (RedisError, OSError) as error:
                problem = error
        raise NotReachedError(f"no node of the cluster names the one that holds our keys: {problem}") from problem

    async def _ask(self, host: str, port: int) -> tuple[str, int]:
        async with Redis(host=host, port=port, **self._options) as node:
            answer: Any = await node.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
        for first, last, *nodes in answer:
            if first <= self._slot <= last:
                self._known = tuple((_text(each[0]) or host, int(each[1])) for each in nodes)
                return self._known[0]
        raise NotReachedError(f"{host}:{port} knows no node that holds our keys")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
