"""What scripts have in common: a customer who talks for four seconds, then shouts for ten; a rule; supervisors."""

from typing import Any

import numpy as np
import pytest

from callguard.testbed.simulator.objects import Phone
from tests.acceptance.harness.floor import Event
from tests.testbed.simulator.harness import tone_dbfs

HUM_HZ = 3800.0
"""Above all that the voices have."""
CUSTOMER = {"speaker": 3, "says": [{"voice": "calm", "for": 4}, {"voice": "raised", "for": 10}]}
SUPERVISOR = {"answers_after": 3, "says": [{"tone": HUM_HZ, "for": 1}], "repeat": True}
LEAD = {"name": "lead", "endpoint": "PJSIP/lead"}
DEPUTY = {"name": "deputy", "endpoint": "PJSIP/deputy"}
CHIEF = {"name": "chief", "endpoint": "PJSIP/chief", "tier": 2}
NEVER = {"answers_after": None}
QUIETLY = {"briefing": False}
CODES = {"__DYNAMIC_FEATURES": "callguard-help#callguard-abuse"}
WEBHOOK = {"webhooks": {"chat": {"url": {"env": "HOOK_URL"}}}}
RESOLVED = 12.8
"""When the customer has been calm for long enough."""
END = 19.8
"""When the customer hangs up."""


def loud(*actions: str, name: str = "Loud", severity: str = "critical", **more: Any) -> Event:
    """A rule on the level alone: when it fires is detection's matter, what follows is the script's."""
    rule = {"alert": name, "expr": "customer.level_dbfs > -20", "labels": {"severity": severity}}
    return rule | {"for": "1s", "keep_firing_for": "3s", "actions": list(actions)} | more


def phones(**differing: Event) -> Event:
    people = {"lead": SUPERVISOR, "deputy": SUPERVISOR, "chief": SUPERVISOR, "customer1": CUSTOMER, "agent1": {}}
    people |= {"customer2": CUSTOMER, "agent2": {}}
    return {name: how | differing.get(name, {}) for name, how in people.items()}


def call(number: int = 1, *actions: Event, at: float = 0, ends: float = 25, **more: Any) -> Event:
    """A call in the queue; seconds of actions count from when the two talk."""
    who = {"customer": f"PJSIP/customer{number}", "agents": [f"PJSIP/agent{number}"]}
    hangup = {"at": ends, "do": "hangup"}
    return who | {"queue": "support", "at": at, "actions": [*actions, hangup]} | more


def keyed(at: float, digits: str) -> Event:
    return {"at": at, "do": "dtmf", "digits": digits}


def script(**more: Any) -> dict[str, Any]:
    """One call, three supervisors' phones, the lead on duty; no briefing."""
    return {"phones": phones(), "calls": [call()], "supervisors": [LEAD], "supervision": QUIETLY} | more


def about(*told: tuple[float, str]) -> list[tuple[Any, str]]:
    """A story whose times may differ by a tick of the worker: its phase against the PBX is nobody's promise."""
    return [(pytest.approx(at, abs=0.11), what) for at, what in told]


def hum_dbfs(phone: Phone) -> float:
    """The loudest fifth of a second of supervisors' humming that a phone heard."""
    blocks = np.array_split(phone.ears(), max(1, phone.ears().size // 1600))
    return max(tone_dbfs(block, HUM_HZ) for block in blocks)
