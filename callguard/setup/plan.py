"""Hold the answers, and write callguard.yaml from them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from callguard.config import Config, parse_config
from callguard.inventory.pbx import Inventory
from callguard.setup.globs import patterns_for

ARI_PASSWORD: Final = "CALLGUARD_ARI_PASSWORD"  # noqa: S105 - the variable's name
AMI_SECRET: Final = "CALLGUARD_AMI_SECRET"  # noqa: S105 - the variable's name
NEEDED_FOR_TAPS: Final = frozenset({"app_audiosocket.so", "res_audiosocket.so"})


@dataclass(frozen=True, slots=True)
class Access:
    """How ARI, AMI and Redis are reached."""

    ari_url: str
    ari_user: str
    ami_host: str
    ami_port: int
    ami_user: str
    redis: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values of environment variables, for secrets.env."""

    def settings(self) -> dict[str, Any]:
        """Return section `asterisk`."""
        return {
            "ari": {"url": self.ari_url, "user": self.ari_user, "password": {"env": ARI_PASSWORD}},
            "ami": {
                "host": self.ami_host,
                "port": self.ami_port,
                "user": self.ami_user,
                "secret": {"env": AMI_SECRET},
            },
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All that goes into the configuration; endpoints by name."""

    access: Access
    agents: tuple[str, ...]
    colleagues: tuple[str, ...]
    """Phones that are ignored; supervisors' phones are."""
    customers: tuple[str, ...]
    """Trunks through which only customers call."""
    mode: str = "raised_voice"
    queues: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    supervisors: tuple[Mapping[str, Any], ...] = ()
    dial_caller: str | None = None
    console_port: int = 8090
    native_rtp_confirmed: bool = False


def settings_of(plan: Plan, inventory: Inventory) -> dict[str, Any]:
    """Return the configuration as data, by section."""
    taps = "audiosocket" if inventory.modules >= NEEDED_FOR_TAPS else "external_media"
    present = [endpoint.name for endpoint in inventory.endpoints]
    kinds = (("ignore", plan.colleagues), ("agent", plan.agents), ("customer", plan.customers))
    rules = [{"channel": pattern, "role": role} for role, names in kinds for pattern in patterns_for(names, present)]
    roles: dict[str, Any] = {"rules": rules}
    if plan.dial_caller:
        roles["dial_caller"] = plan.dial_caller
    queues = {name: dict(facts) for name, facts in plan.queues.items()}
    return {
        "asterisk": plan.access.settings() | ({"native_rtp_confirmed": True} if plan.native_rtp_confirmed else {}),
        "media": {"tap": taps},
        "roles": roles,
        "analysis": {"mode": plan.mode} | ({"queues": queues} if queues else {}),
        "rules": {"files": ["rules/*.yaml"]},
        "supervisors": [dict(each) for each in plan.supervisors],
        "redis": {"url": plan.access.redis},
        "console": {"port": plan.console_port},
    }


def configuration_text(plan: Plan, inventory: Inventory) -> str:
    """Return the text of callguard.yaml."""
    parts = [_HEAD]
    for section, content in settings_of(plan, inventory).items():
        comment = _COMMENTS.get(section, "")
        parts.append(comment + yaml.safe_dump({section: content}, sort_keys=False, allow_unicode=True, width=110))
    return "\n".join(parts)


def configuration(plan: Plan, inventory: Inventory) -> Config:
    """Return the configuration; raise ConfigError where an answer is not allowed in it."""
    return parse_config(configuration_text(plan, inventory), "the new callguard.yaml")


_HEAD: Final = """\
# Written by `callguard init`; yours to edit. `callguard check --pbx` compares it with the PBX, and `callguard reload`
# puts changes in force. docs/configuration.md lists all keys. Secrets are in secrets.env.
"""
_COMMENTS: Final = {
    "media": "# audiosocket needs the context callguard-tap in the dialplan; external_media needs none.\n",
    "roles": "# The first match wins. A phone that no rule and no queue names is unknown: nothing of it is judged.\n",
    "analysis": "# raised_voice: vocal effort only; emotion adds anger (inform your callers); off: nothing.\n",
}
