"""The connection to Redis or Valkey, and the programs that may send commands by it."""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from callguard.config.access import Sender
from callguard.config.base import Secret, Section
from callguard.config.redis_address import checked_redis_url, prefix_for, read_redis_url

SenderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Redis(Section):
    """Redis or Valkey."""

    url: Annotated[str, AfterValidator(checked_redis_url)] = Field(
        "redis://127.0.0.1:6379/0",
        examples=["redis://127.0.0.1:6379/0"],
        description="Server, without password: `redis://`, `rediss://` (TLS), `unix://`, "
        "`redis+sentinel://h1:26379,h2:26379/service/0`, `redis+cluster://h1:6379,h2:6379`.",
    )
    password: Secret = Field(
        Secret(), description="Password, if the server requires one; read again for each connection."
    )
    sentinel_password: Secret = Field(Secret(), description="Password of the sentinels, if they require one.")
    prefix: str = Field(
        "callguard:",
        pattern=r"^\S+:$",
        examples=["callguard:"],
        description="Prefix of every key; ends in a colon. A cluster needs one with a hash tag: `{callguard}:`.",
    )
    events_maxlen: int = Field(100_000, ge=100, description="About how many events the stream keeps.")
    buffer: int = Field(10_000, ge=100, description="Most events kept in memory while Redis is unreachable.")
    trust: Literal["signed", "loopback"] = Field(
        "signed",
        description="Commands that are accepted. signed: with a sender's signature. loopback: without one too, in role "
        "operator; only where the server is on loopback or a Unix socket, as everybody who can write to it is trusted.",
    )
    senders: dict[SenderName, Sender] = Field(
        {},
        description="Programs that send signed commands. `cli` is the command line; without an entry it signs with the "
        "node's own key (`journal.folder`/NODE.key) in role operator.",
    )

    @field_validator("prefix")
    @classmethod
    def _one_node(cls, prefix: str, info: ValidationInfo) -> str:
        return prefix_for(info.data["url"], prefix) if "url" in info.data else prefix

    @field_validator("trust")
    @classmethod
    def _of_this_machine(cls, trust: str, info: ValidationInfo) -> str:
        url = info.data.get("url", "")
        if trust == "loopback" and url and not on_this_machine(url):
            raise ValueError(f"holds only for a server on loopback or a Unix socket, and redis.url is {url}; "
                             "allowed: signed, with redis.senders")  # fmt: skip
        return trust


def on_this_machine(url: str) -> bool:
    """Return whether a URL names one server that is reached by loopback or a Unix socket.

    A sentinel or a node of a cluster on this machine may name a server on another one.
    """
    address = read_redis_url(url)
    return address.kind == "unix" or (address.kind == "server" and _is_loopback(address.hosts[0][0]))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
