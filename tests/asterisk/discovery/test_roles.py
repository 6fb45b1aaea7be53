"""Who is customer and who is agent: told by variable, by configuration, held before, guessed; in this order."""

from typing import Any

import pytest

from callguard.asterisk.discovery.party import Party
from callguard.asterisk.discovery.roles import (
    ALIKE,
    UNTOLD,
    cast_of,
    holders,
    joint_setting,
    mode_of,
    strangers_of,
    told_part,
)
from callguard.asterisk.events import Channel
from callguard.config import Analysis, QueueAnalysis, RoleRule, Roles


def party(name: str, app: str = "", context: str = "", number: str = "", **facts: Any) -> Party:
    made = Party(Channel(name, f"PJSIP/{name}-1", app=app, number=number), context)
    for key, value in facts.items():
        setattr(made, key, value)
    return made


def pair(*room: Party, roles: Roles | None = None) -> tuple[str, str] | None:
    found = cast_of(room, roles or Roles())
    return (found[0].channel.id, found[1].channel.id) if found else None


DIALLED = (party("x", "Dial"), party("y", "AppDial"))


CUSTOMERS_DIAL = Roles(dial_caller="customer")


def test_of_a_dial_only_the_configuration_says_who_the_caller_is() -> None:
    assert pair(*DIALLED) is None
    assert pair(*DIALLED, roles=CUSTOMERS_DIAL) == ("x", "y")
    assert pair(*DIALLED, roles=Roles(dial_caller="agent")) == ("y", "x")


def test_a_queues_caller_is_the_customer_whoever_dials() -> None:
    queued = (party("x", "AppQueue"), party("y", "Queue"))
    assert pair(*queued) == pair(*queued, roles=Roles(dial_caller="agent")) == ("y", "x")
    assert pair(party("x", "Dial"), party("y", "Queue"), roles=Roles(dial_caller="customer")) == ("y", "x")


def test_a_variable_wins_over_a_rule_and_a_rule_over_what_was_held_and_that_over_a_guess() -> None:
    def room(**facts: Any) -> tuple[Party, Party]:
        return party("x", "Dial", **facts), party("y", "AppDial")

    rule = Roles(rules=(RoleRule(channel="PJSIP/x*", role="agent"),))
    assert pair(*room(role="customer")) == ("x", "y")
    assert pair(*room(role="customer"), roles=rule) == ("y", "x")
    assert pair(*room(role_variable="customer"), roles=rule) == ("x", "y")


def test_the_weaker_of_two_like_claims_yields() -> None:
    assert pair(party("x", role_variable="agent"), party("y", "AppDial")) == ("y", "x")
    assert pair(party("x", "Dial"), party("y", role_variable="customer")) == ("y", "x")
    assert pair(party("x", role="customer"), party("y")) == ("x", "y")
    assert pair(party("x"), party("y", role="customer")) == ("y", "x")


def test_an_agent_of_an_earlier_call_makes_no_customer_of_a_colleague() -> None:
    assert pair(party("x", role="agent"), party("y", "AppDial")) is None
    assert pair(party("x", "AppQueue"), party("y", "AppDial")) is None
    assert pair(party("x", role="agent"), party("y", role="customer")) == ("y", "x")
    assert pair(party("x", role="agent"), party("y", "Queue")) == ("y", "x")


def test_a_guest_gets_no_role_from_others() -> None:
    assert pair(party("x", role="customer"), party("y", guest=True)) is None
    assert pair(party("x", role="customer"), party("y", guest=True, role_variable="agent")) == ("x", "y")
    coaches = [party(name, role_variable="agent") for name in "xy"]
    assert pair(*coaches, party("z", guest=True)) is None
    assert pair(*coaches, party("z")) == ("z", "x")


def test_of_three_in_a_queues_room_only_the_caller_and_who_was_rung_have_a_role_by_it() -> None:
    caller, third = party("x", "Queue"), party("z", "ConfBridge")
    assert pair(caller, third, party("y", "AppQueue")) == ("x", "y")
    assert pair(caller, third, party("y", "Dial")) is None


@pytest.mark.parametrize(
    ("room", "reason"),
    [
        ((party("x"), party("y")), UNTOLD),
        ((party("x", role_variable="customer"), party("y", role_variable="customer")), ALIKE),
        ((party("x", "Dial", role_variable="agent"), party("y", "AppDial", role_variable="agent")), ALIKE),
        ((party("x", "ConfBridge", role_variable="agent"), party("y", "ConfBridge", role_variable="agent")), None),
        ((party("x", role_variable="agent"), party("y", role_variable="customer")), None),
        ((party("x"),), None),
    ],
)
def test_who_talks_without_known_roles_is_shown_with_the_reason(room: tuple[Party, ...], reason: str | None) -> None:
    found = strangers_of(room, Roles())
    assert (found and found[2]) == reason


@pytest.mark.parametrize(
    "room",
    [
        (party("x", role_variable="agent"), party("y", role_variable="agent")),
        (party("x", role="customer"), party("y", role="customer")),
        (party("x", "Dial"), party("y", "Dial")),
        (party("x"), party("y")),
        (party("x", "Dial"),),
        (),
    ],
)
def test_two_equally_strong_claims_are_no_conversation(room: tuple[Party, ...]) -> None:
    assert pair(*room) is None


def test_who_holds_is_told_for_each_party_that_is_there() -> None:
    holding, talking = party("x", held=True), party("y")
    assert holders(talking, talking) == holders(talking, None) == holders(None, None) == set()
    assert holders(holding, talking) == {"customer"}
    assert holders(talking, holding) == {"agent"}
    assert holders(holding, holding) == {"customer", "agent"}


@pytest.mark.parametrize("part", ["supervisor", "ignore"])
def test_a_supervisor_and_who_is_ignored_are_not_cast(part: str) -> None:
    third = party("z", "Queue", role_variable=part)
    assert pair(third, *DIALLED, roles=CUSTOMERS_DIAL) == ("x", "y")
    assert pair(*DIALLED[:1], third, roles=CUSTOMERS_DIAL) is None


def test_of_three_nobody_yields_and_the_first_of_a_kind_counts() -> None:
    agents = party("y", "AppDial"), party("z", "AppDial")
    assert pair(party("x"), *agents, roles=CUSTOMERS_DIAL) is None
    assert pair(party("x", "Dial"), *agents, roles=CUSTOMERS_DIAL) == ("x", "y")


def test_who_took_over_is_the_agent_whatever_else_is_said() -> None:
    assert told_part(party("x", role_variable="customer", handed=True), Roles()) == "agent"


@pytest.mark.parametrize("word", ["agents", "", "off", "customers"])
def test_another_word_tells_nothing(word: str) -> None:
    assert told_part(party("x", role_variable=word), Roles()) is None


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"channel": "PJSIP/x-*"}, True),
        ({"channel": "PJSIP/X-*"}, False),
        ({"context": "from-*"}, True),
        ({"number": "+49*"}, True),
        ({"channel": "PJSIP/x-*", "context": "from-trunk", "number": "+49555"}, True),
        ({"channel": "PJSIP/x-*", "context": "agents"}, False),
        ({"number": "+43*"}, False),
    ],
)
def test_a_rule_holds_where_all_of_its_patterns_do(rule: dict[str, str], matches: bool) -> None:
    roles = Roles(rules=(RoleRule.model_validate(rule | {"role": "ignore"}),))
    found = told_part(party("x", context="from-trunk", number="+49555"), roles)
    assert found == ("ignore" if matches else None)


def test_the_first_rule_that_matches_counts() -> None:
    roles = Roles(rules=(RoleRule(channel="PJSIP/*", role="agent"), RoleRule(channel="PJSIP/x*", role="customer")))
    assert told_part(party("x"), roles) == "agent"


ANALYSIS = Analysis(
    mode="raised_voice", queues={"quiet": QueueAnalysis(mode="off"), "sales": QueueAnalysis(mode="emotion")}
)


@pytest.mark.parametrize(
    ("setting", "queue", "outer", "mode"),
    [("", "sales", "quiet", "off"), ("", "quiet", "sales", "off"), ("", "other", "sales", "raised_voice"),
     ("emotion", "sales", "quiet", "emotion")],
)  # fmt: skip
def test_of_two_queues_in_which_a_caller_waits_at_once_any_off_holds(
    setting: str, queue: str, outer: str, mode: str
) -> None:
    assert mode_of(setting, queue, ANALYSIS, outer) == mode


@pytest.mark.parametrize(
    ("setting", "queue", "mode"),
    [
        ("", None, "raised_voice"),
        ("", "other", "raised_voice"),
        ("", "sales", "emotion"),
        ("", "quiet", "off"),
        ("off", "sales", "off"),
        ("raised_voice", "sales", "raised_voice"),
        ("emotion", "quiet", "emotion"),
        ("on", "quiet", "raised_voice"),
        ("on", "sales", "emotion"),
    ],
)
def test_the_calls_own_word_then_its_queues_then_the_default(setting: str, queue: str | None, mode: str) -> None:
    assert mode_of(setting, queue, ANALYSIS) == mode


@pytest.mark.parametrize(
    ("settings", "holds"),
    [((), ""), (("", ""), ""), (("", "emotion"), "emotion"), (("on", "emotion"), "on"), (("emotion", "off"), "off")],
)
def test_one_partys_off_is_enough(settings: tuple[str, ...], holds: str) -> None:
    assert joint_setting([party("x", setting=setting) for setting in settings]) == holds
