"""Find out how ARI, AMI and Redis are reached: from the answers, from secrets.env, from Asterisk's own files."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from callguard.setup.answers import Login
from callguard.setup.conf import setting
from callguard.setup.interview import Interview
from callguard.setup.plan import AMI_SECRET, ARI_PASSWORD, Access

USER: Final = "callguard"
REDIS: Final = "redis://127.0.0.1:6379/0"
KEY_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Found:
    """The ways in, and the passwords of users that Asterisk does not have yet, by `ari` and `ami`."""

    access: Access
    made: Mapping[str, str]


def find_access(interview: Interview, asterisk: Path | None, stored: Mapping[str, str]) -> Found:
    """Return the ways in; `stored` are the variables of secrets.env, which an earlier run may have written.

    Raises ConfigError where a named secret can't be read.
    """
    answers = interview.answers.asterisk
    made: dict[str, str] = {}
    passwords: dict[str, str] = {}
    for part, variable, login in (("ari", ARI_PASSWORD, answers.ari), ("ami", AMI_SECRET, answers.ami)):
        told = login.secret.read().get_secret_value()
        passwords[variable] = told or _stored(variable, stored) or secrets.token_hex(KEY_BYTES)
        if not told:
            made[part] = passwords[variable]
    url = _url(interview, asterisk)
    access = Access(
        ari_url=url,
        ari_user=_user(answers.ari),
        ami_host=answers.ami.host or urlsplit(url).hostname or "127.0.0.1",
        ami_port=answers.ami.port if answers.ami.port is not None else _ami_port(asterisk),
        ami_user=_user(answers.ami),
        redis=interview.text("redis", "Address of Redis or Valkey", proposal=REDIS),
        secrets=passwords,
    )
    return Found(access, made)


def _url(interview: Interview, asterisk: Path | None) -> str:
    """Return ARI's URL; a person is asked where Asterisk's files can't tell it."""
    proposal = _ari_url(asterisk)
    if asterisk is not None:
        return interview.answers.asterisk.ari.url or proposal
    return interview.text("asterisk.ari.url", "URL of Asterisk's HTTP server", proposal=proposal)


def _user(login: Login) -> str:
    return login.user or USER


def _stored(variable: str, stored: Mapping[str, str]) -> str:
    return stored.get(variable) or os.environ.get(variable, "")


def _ari_url(folder: Path | None) -> str:
    """Return the URL by Asterisk's http.conf; the usual one where there is none to read."""
    values = {key: setting(folder, "http.conf", "general", key) if folder else None for key in ("bindport", "prefix")}
    prefix = (values["prefix"] or "").strip("/")
    return f"http://127.0.0.1:{values['bindport'] or 8088}" + (f"/{prefix}" if prefix else "")


def _ami_port(folder: Path | None) -> int:
    port = setting(folder, "manager.conf", "general", "port") if folder else None
    return int(port) if port and port.isdecimal() else 5038
