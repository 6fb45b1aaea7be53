"""The answers to the questions of `callguard init`, as a file gives them."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from callguard.config import ConfigError, Secret, Section, SupervisorConfig
from callguard.config.base import Port
from callguard.config.schema import Mode
from callguard.config.source import read_document
from callguard.contracts.vocabulary import Role


class Login(Section):
    """A user of ARI or AMI; what is left out is read from Asterisk's files."""

    url: str | None = Field(None, description="ARI: base URL of Asterisk's HTTP server.")
    host: str | None = Field(None, description="AMI: host.")
    port: Port | None = Field(None, description="AMI: port.")
    user: str | None = Field(None, description="User; default: callguard.")
    secret: Secret = Field(Secret(), description="Password of an existing user; default: a new one is made.")


class AsteriskAnswers(Section):
    """The PBX."""

    folder: Path | None = Field(None, description="Folder of Asterisk's configuration, e.g. /etc/asterisk.")
    install: bool | None = Field(None, description="Whether init may add its files and #include lines there.")
    command: str | None = Field(None, description="Command that takes `-rx`, for reloads; empty: you reload yourself.")
    native_rtp: Literal["unload", "keep", "confirmed"] | None = Field(
        None,
        description="Where bridge_native_rtp is loaded. confirmed: it stays, and your phones were heard to bear it.",
    )
    ari: Login = Field(Login(), description="REST interface.")
    ami: Login = Field(Login(), description="Manager interface.")


class RolesAnswers(Section):
    """Who is who; endpoints are written as PJSIP/201."""

    agents: tuple[str, ...] | None = Field(None, description="Agents' endpoints; default: the queues' members.")
    others: Literal["ignore", "unknown"] | None = Field(
        None, description="Phones that are neither agents' nor supervisors'. ignore: colleagues, never judged."
    )
    trunks: Literal["customer", "unknown"] | None = Field(
        None, description="Endpoints that seem to be trunks. customer: only customers call through them."
    )
    dial_caller: Role | Literal["unknown"] | None = Field(
        None, description="The caller's role in a Dial in which nothing else tells; default: unknown."
    )


class QueueAnswers(Section):
    """One queue."""

    mode: Mode | None = Field(None, description="Mode of analysis.")
    team: str | None = Field(None, description="Team that gets its alerts.")
    language: str | None = Field(None, description="Language (BCP 47).")


class Answers(Section):
    """A file of answers for `callguard init`."""

    asterisk: AsteriskAnswers = Field(AsteriskAnswers(), description="The PBX.")
    redis: str | None = Field(None, description="Address of Redis or Valkey.")
    roles: RolesAnswers = Field(RolesAnswers(), description="Who is who.")
    mode: Mode | None = Field(None, description="Mode of analysis; default: raised_voice.")
    queues: dict[str, QueueAnswers] | None = Field(None, description="Settings of queues, by name.")
    supervisors: tuple[SupervisorConfig, ...] | None = Field(None, description="Supervisors and their phones.")
    console_port: Port | None = Field(None, description="Port of the console on loopback; default: 8090.")
    unit: Path | None = Field(None, description="Path of the systemd unit.")
    ring: str | None = Field(None, description="Endpoint that is rung for a test; `none`: no phone.")

    def given(self, key: str) -> Any:
        """Return the answer at a dotted key; None where there is none."""
        found: Any = self
        for part in key.split("."):
            found = getattr(found, part)
        return found


def load_answers(path: Path) -> Answers:
    """Read a file of answers; raise ConfigError with every problem found."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: can't be read: {error}"]) from error
    document = read_document(str(path), text, "answers")
    try:
        return Answers.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(document.problems(error, Answers)) from error
