"""The base of all sections: strict models, and secrets that are stored outside of the configuration."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from callguard.config.source import ConfigError

Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    """Base of every section: frozen, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def without_password(url: str) -> str:
    """Return a URL unchanged; raise ValueError where it holds a password."""
    parts = urlsplit(url)
    if parts.password or "password" in parse_qs(parts.query):
        raise ValueError("holds a password; give it with the key `password` beside it")
    return url


def network(text: str) -> str:
    """Return an address or network as it is; raise ValueError when it is neither."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is neither an IP address nor a network such as 192.0.2.0/24") from None
    return text


def host(text: str) -> str:
    """Return a name or an address; an IPv6 address without the brackets that it may have."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def bracketed(text: str) -> str:
    """Return a name or an address as it stands before `:port`: an IPv6 address in brackets."""
    return f"[{text}]" if ":" in text else text


class Secret(Section):
    """The source of a secret: an environment variable or a file; exactly one of them for a required secret."""

    hides_keys: ClassVar[bool] = True
    """Errors don't repeat the value: it may be the secret itself, written here by mistake."""

    env: str | None = Field(None, description="Name of the environment variable that holds the secret.")
    file: Path | None = Field(None, description="File whose first line is the secret.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.env and self.file:
            raise ValueError("give either env or file, not both")
        return self

    def read(self) -> SecretStr:
        """Return the secret; raise ConfigError where its source is missing or empty."""
        if self.env:
            value = os.environ.get(self.env, "")
            source = f"environment variable {self.env}"
        elif self.file:
            source = f"file {self.file}"
            try:
                value = self.file.read_text("utf-8").split("\n", 1)[0].strip()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "not UTF-8"
                raise ConfigError([f"{source}: can't be read: {why}"]) from error
        else:
            return SecretStr("")
        if not value:
            raise ConfigError([f"{source}: empty or not set; a secret is expected there"])
        return SecretStr(value)
