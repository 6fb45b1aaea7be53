"""One decision for every door and every act: granted by a right, or forbidden with the first lack."""

from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.authority import Ask, Asker, Authority, ForbiddenError, Grant, asker
from callguard.config import Config
from callguard.config.access import ROLES
from callguard.contracts.commands import ACTIONS
from callguard.contracts.vocabulary import DOORS, RIGHTS, Door, Right, SupervisionMode

PEOPLE = [
    {"name": "Ann", "endpoint": "PJSIP/ann", "teams": ["floor"]},
    {"name": "Bob", "endpoint": "PJSIP/bob", "role": "manager"},
    {"name": "Quinn", "endpoint": "PJSIP/quinn", "role": "qa"},
]


def authority(**sections: Any) -> Authority:
    return Authority(Config.model_validate({"supervisors": PEOPLE, **sections}))


def person(door: Door, role: str) -> Asker:
    return Asker("somebody", door, role)


@pytest.mark.parametrize("role", ROLES)
def test_at_each_door_a_role_has_its_rights_and_no_other(role: str) -> None:
    """The table of all doors, rights and roles: a new one is in it by being named in the vocabulary."""
    for door, right in product(DOORS, RIGHTS):
        asked = person(door, role)
        if right in ROLES[role]:
            assert authority().decide(asked, Ask(right)) == Grant("somebody", door, right)
        else:
            with pytest.raises(ForbiddenError) as refused:
                authority().decide(asked, Ask(right))
            assert refused.value.facts["door"] == door
            assert f"right {right!r}: role {role!r} of 'somebody'" in refused.value.missing


def test_every_action_and_mode_has_a_right_and_every_right_a_role() -> None:
    assert {spec.right for spec in ACTIONS.values()} - {None} <= set(RIGHTS)
    assert [name for name, spec in ACTIONS.items() if spec.right is None] == ["set_mode"]
    assert set(get_args(SupervisionMode)) <= set(RIGHTS)
    others = {role: rights for role, rights in ROLES.items() if role != "operator"}
    assert {right for rights in others.values() for right in rights} == set(RIGHTS)


def test_each_door_is_the_door_of_somebody() -> None:
    config = Config.model_validate({"supervisors": PEOPLE, "redis": {"senders": {"crm": _sender()}}})
    known = [asker.sender(config, "crm"), asker.sender(config, "cli"), asker.console(config), asker.unsigned()]
    known += [asker.phone(config.supervisors[0]), asker.agent("Bea"), asker.dialplan(), asker.signal()]
    assert {each.door for each in known} | {"rule"} == set(DOORS)


def _sender() -> dict[str, Any]:
    return {"role": "qa", "key": {"env": "X"}}


@pytest.mark.parametrize(
    ("by", "ask", "missing"),
    [
        (
            person("console", "manager"),
            Ask("barge", "Cleo"),
            "a configured supervisor: 'Cleo' is none; configured: Ann",
        ),
        (person("redis", "manager"), Ask("barge", "Local/202@phones"), "a configured supervisor: 'Local/202@phones'"),
        (person("cli", "manager"), Ask("barge", "Ann", frozenset({"shop"})), "team 'shop': 'Ann' serves floor"),
        (Asker("crm", "redis", "manager", ("floor",)), Ask("stop", None, frozenset({"shop"})), "team 'shop': 'crm'"),
        (person("redis", "manager"), Ask("whisper", "Quinn"), "right 'whisper': role 'qa' of 'Quinn' has listen, stop"),
        (person("redis", "qa"), Ask("whisper", "Ann"), "right 'whisper': role 'qa' of 'somebody'"),
        (person("redis", "gone"), Ask("listen", "Ann"), "role 'gone' of 'somebody' has none; see access.roles"),
        (Asker("desk", "redis", "manager", supervisors=("Ann",)), Ask("listen", "Bob"), "'Bob' among the supervisors"),
        (Asker("desk", "redis", "manager", supervisors=("Ann", "Bob")), Ask("stop"), "a supervisor: 'desk' acts only"),
    ],
)
def test_a_refusal_names_what_is_missing(by: Asker, ask: Ask, missing: str) -> None:
    with pytest.raises(ForbiddenError) as refused:
        authority().decide(by, ask)
    assert missing in refused.value.missing
    assert refused.value.facts == {
        "reason": "forbidden",
        "missing": refused.value.missing,
        "sender": by.name,
        "door": by.door,
    }
    assert str(refused.value) == f"forbidden: {refused.value.missing}"


def test_a_grant_holds_the_configured_supervisor_by_name_or_phone() -> None:
    for known in ("Ann", "PJSIP/ann"):
        grant = authority().decide(person("cli", "operator"), Ask("barge", known, frozenset({"floor"})))
        assert grant.supervisor is not None
        assert grant.supervisor.endpoint == "PJSIP/ann"


def test_whoever_acts_for_one_supervisor_alone_acts_for_that_one() -> None:
    desk = Asker("desk", "console", "manager", supervisors=("Ann",))
    grant = authority().decide(desk, Ask("stop"))
    assert grant.supervisor is not None
    assert grant.supervisor.name == "Ann"
    with pytest.raises(ForbiddenError, match="role 'supervisor' of 'Ann'"):
        authority().decide(desk, Ask("opt_out"))


def test_configured_roles_replace_and_add_and_the_others_stay() -> None:
    mine = authority(access={"roles": {"supervisor": ["listen"], "trainer": ["whisper"]}})
    with pytest.raises(ForbiddenError, match="role 'supervisor' of 'somebody' has listen;"):
        mine.decide(person("console", "supervisor"), Ask("barge"))
    assert mine.decide(person("console", "trainer"), Ask("whisper"))
    assert mine.decide(person("console", "qa"), Ask("judge"))


def test_a_reload_counts_from_the_next_act_on() -> None:
    mine = authority()
    mine.apply(Config.model_validate({"supervisors": PEOPLE[1:]}))
    with pytest.raises(ForbiddenError, match="'Ann' is none; configured: Bob, Quinn"):
        mine.decide(person("cli", "operator"), Ask("listen", "Ann"))


def test_a_supervisor_may_what_their_role_holds() -> None:
    mine = authority()
    ann, quinn = mine.supervisor("Ann"), mine.supervisor("PJSIP/quinn")
    assert ann is not None
    assert quinn is not None
    assert (mine.may(ann, "barge"), mine.may(quinn, "barge"), mine.may(quinn, "judge")) == (True, False, True)


NAMES = st.sampled_from(["Ann", "Bob", "Quinn", "PJSIP/ann", "Local/1@x", "nobody", ""]) | st.text(max_size=8)
ROLE_NAMES = st.sampled_from([*ROLES, "gone"])
TEAM_NAMES = st.frozensets(st.sampled_from(["floor", "shop"]))


@given(ROLE_NAMES, st.sampled_from(DOORS), st.sampled_from(RIGHTS), st.none() | NAMES, TEAM_NAMES, TEAM_NAMES)
def test_nothing_is_granted_beyond_the_rights_and_teams_of_both(
    role: str, door: Door, right: Right, supervisor: str | None, teams: frozenset[str], mine: frozenset[str]
) -> None:
    by = Asker("x", door, role, tuple(sorted(mine)))
    try:
        grant = authority().decide(by, Ask(right, supervisor, teams))
    except ForbiddenError:
        return
    assert right in ROLES[role]
    assert not mine or teams <= mine
    if supervisor:
        assert grant.supervisor is not None
        assert supervisor in (grant.supervisor.name, grant.supervisor.endpoint)
        assert right in ROLES[grant.supervisor.role]
        assert not grant.supervisor.teams or teams <= set(grant.supervisor.teams)
