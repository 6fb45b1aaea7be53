"""The connection to Redis or Valkey, and the programs that may send commands by it."""

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from callguard.config.access import Sender
from callguard.config.base import Secret, Section, without_password

SenderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Redis(Section):
    """Redis or Valkey."""

    url: Annotated[str, AfterValidator(without_password)] = Field(
        "redis://127.0.0.1:6379/0",
        pattern=r"^(redis|rediss|unix)://",
        examples=["redis://127.0.0.1:6379/0"],
        description="Server, without password.",
    )
    password: Secret = Field(Secret(), description="Password, if the server requires one.")
    prefix: str = Field(
        "callguard:", pattern=r"^\S+:$", examples=["callguard:"], description="Prefix of every key; ends in a colon."
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

    @field_validator("trust")
    @classmethod
    def _of_this_machine(cls, trust: str, info: ValidationInfo) -> str:
        url = info.data.get("url", "")
        if trust == "loopback" and url and not on_this_machine(url):
            raise ValueError(f"holds only for a server on loopback or a Unix socket, and redis.url is {url}; "
                             "allowed: signed, with redis.senders")  # fmt: skip
        return trust


def on_this_machine(url: str) -> bool:
    """Return whether each server of a URL is reached by loopback or a Unix socket."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return parts.scheme == "unix" or all(map(_is_loopback, hosts))


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or "localhost"
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
