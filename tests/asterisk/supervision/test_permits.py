"""Keys and codes need rights as commands do; a refusal is published."""

from typing import Any

import pytest

from callguard.asterisk.supervision.permits import Permits
from callguard.asterisk.supervision.session import Session
from callguard.authority import Authority
from callguard.config import Config
from callguard.contracts.events import CommandFailed, Event
from callguard.contracts.vocabulary import Right
from tests.asterisk.discovery.test_calls import call


def config(**more: Any) -> Config:
    people = [
        {"name": "ann", "endpoint": "PJSIP/ann", "teams": ["floor"]},
        {"name": "quinn", "endpoint": "PJSIP/quinn", "role": "qa"},
    ]
    queues = {"support": {"team": "floor"}, "sales": {"team": "shop"}}
    return Config.model_validate({"supervisors": people, "analysis": {"queues": queues}, **more})


class Desk:
    def __init__(self, **more: Any) -> None:
        self.told: list[Event] = []
        self.authority = Authority(config(**more))
        calls = {"c1": call(queue="support"), "c2": call(queue="sales")}
        self.permits = Permits(self.authority, calls, self.told.append)

    def refusal(self) -> CommandFailed:
        (failed,) = self.told
        assert isinstance(failed, CommandFailed)
        return failed


def session(supervisor: str = "ann", of: str = "c1") -> Session:
    return Session("s", of, supervisor, f"PJSIP/{supervisor}", "listen", None, None, "channel", "agent")


def test_a_supervisors_key_is_theirs() -> None:
    desk = Desk()
    grant = desk.permits.key(session(), "barge")
    assert grant is not None
    assert (grant.sender, grant.door, grant.right, desk.told) == ("ann", "keys", "barge", [])


@pytest.mark.parametrize(
    ("who", "right", "action", "missing"),
    [
        (session("quinn"), "barge", "set_mode", "right 'barge': role 'qa' of 'quinn'"),
        (session(of="c2"), "takeover", "set_mode", "team 'shop': 'ann' serves floor"),
        (session(of="c2"), "judge", "judge", "team 'shop'"),
        (session("removed"), "listen", "set_mode", "a configured supervisor: 'removed' is none"),
    ],
)
def test_a_key_without_the_right_is_told(who: Session, right: Right, action: str, missing: str) -> None:
    desk = Desk()
    assert desk.permits.key(who, right) is None
    failed = desk.refusal()
    assert (failed.call, failed.action, failed.supervisor) == (who.call, action, who.supervisor)
    assert (failed.reason, failed.door, failed.sender) == ("forbidden", "keys", who.supervisor)
    assert missing in (failed.missing or "")


@pytest.mark.parametrize("right", ["help", "abuse", "quiet"])
def test_an_agents_code_is_theirs_unless_the_role_is_configured_otherwise(right: Right) -> None:
    grant = Desk().permits.code(call(member="Mia"), right)
    assert grant is not None
    assert (grant.sender, grant.door, grant.right) == ("Mia", "codes", right)
    desk = Desk(access={"roles": {"agent": []}})
    assert desk.permits.code(call(member="Mia"), right) is None
    assert (desk.refusal().action, desk.refusal().reason, desk.refusal().door) == (right, "forbidden", "codes")
