"""The schema of the section `agi`."""

from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from callguard.config.base import Section, network


def _endpoint(text: str) -> str:
    host, _ = host_and_port(text)
    ip_address(host)
    return text


def host_and_port(text: str) -> tuple[str, int]:
    """Split `127.0.0.1:4573` or `[::1]:4573`; raise ValueError for another form."""
    parts = urlsplit(f"//{text}")
    if parts.hostname is None or parts.port is None or parts.path:
        raise ValueError("is not ADDRESS:PORT, such as 127.0.0.1:4573 or [::1]:4573")
    return parts.hostname, parts.port


class Agi(Section):
    """FastAGI, by which the dialplan asks about a caller or a call. FastAGI has no password: the address decides."""

    enabled: bool = Field(False, description="Whether to listen for FastAGI.")
    listen: Annotated[str, AfterValidator(_endpoint)] = Field(
        "127.0.0.1:4573", examples=["127.0.0.1:4573"], description="Address and port; port 0: any free port."
    )
    sources: tuple[Annotated[str, AfterValidator(network)], ...] = Field(
        (),
        examples=['["192.0.2.7"]'],
        description="Addresses and networks from which connections are accepted. Empty: this machine only.",
    )
    connections: int = Field(64, ge=1, le=10_000, description="Questions at the same time; others get no answer.")

    @model_validator(mode="after")
    def _closed_to_strangers(self) -> Self:
        host, _ = host_and_port(self.listen)
        if not ip_address(host).is_loopback and not self.sources:
            raise ValueError(f"listen is {self.listen}, not on loopback: sources must name the addresses of your PBX")
        return self
