"""The account of a run with kills: the due alerts and the outcome of each. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from callguard.contracts.events import PREFIX

Json = dict[str, Any]
FIRED: Final = f"{PREFIX}alert.fired.v1"
RESOLVED: Final = f"{PREFIX}alert.resolved.v1"
RUNG: Final = f"{PREFIX}supervision.requested.v1"


@dataclass
class Account:
    """The faults by kind, and counts."""

    calls: int = 0
    due: int = 0
    fired: int = 0
    sent: int = 0
    rung: int = 0
    doubles: int = 0
    """Number of repeated deliveries of an event."""
    wrong: list[str] = field(default_factory=list)
    unrung: list[str] = field(default_factory=list)
    """Calls for which nobody was rung. On a busy machine a call may be over before a killed service is back."""


def numbered(calls: Iterable[Json]) -> dict[str, tuple[str, int]]:
    """Return each call's line and its number on that line, by linkedid; `calls` are call.started events."""
    lines: dict[str, set[str]] = defaultdict(set)
    for event in calls:
        lines[_line(event)].add(event["subject"])
    return {
        call: (line, number) for line, found in lines.items() for number, call in enumerate(sorted(found, key=float))
    }


def rules_by_line(events: Iterable[Json]) -> dict[str, set[str]]:
    """Return the rules that fire in a call of each line, by the events of a dry run."""
    told = list(events)
    calls = numbered(each for each in told if _kind(each) == "call.started")
    due: dict[str, set[str]] = defaultdict(set)
    for event in told:
        if event["type"] == FIRED:
            due[calls[event["subject"]][0]].add(event["data"]["rule"])
    return due


def account(events: list[Json], posts: list[Json], due: Mapping[str, set[str]], played: int) -> Account:
    """Compare the events and the receiver's messages with the due alerts.

    Args:
        events: the whole stream, oldest first.
        posts: messages that the receiver took, oldest first.
        due: rules that fire in a call, by line.
        played: number of calls that the PBX played; the rules must have fired in each.
    """
    told = Account()
    fired = {event["data"]["alert"]: event for event in events if event["type"] == FIRED}
    ended = {event["data"]["alert"] for event in events if event["type"] == RESOLVED}
    rung = {event["data"]["alert"] for event in events if event["type"] == RUNG}
    sent = {post["data"]["alert"] for post in posts if post["type"] == FIRED}
    calls = numbered(each for each in events if _kind(each) == "call.started")
    told.calls, told.fired, told.sent, told.rung = len(calls), len(fired), len(sent & set(fired)), len(rung)
    got = {(event["subject"], event["data"]["rule"]) for event in fired.values()}
    if len(calls) != played:
        told.wrong.append(f"{played} calls were played, {len(calls)} were seen")
    for call, (line, _) in calls.items():
        told.due += len(due[line])
        told.wrong += [f"never fired: {rule} in {call}" for rule in due[line] if (call, rule) not in got]
    told.wrong += [f"fired and not sent: {alert}" for alert in fired.keys() - sent]
    told.wrong += [f"sent and not in the stream: {alert}" for alert in sent - fired.keys()]
    told.wrong += [f"fired and never resolved: {alert}" for alert in fired.keys() - ended]
    rung_calls = {fired[alert]["subject"] for alert in rung & fired.keys()}
    told.unrung = [call for call in calls if call not in rung_calls]
    told.wrong += _order(posts)
    told.doubles = _doubles(events, told.wrong) + _doubles(posts, told.wrong)
    return told


def _order(posts: Iterable[Json]) -> list[str]:
    """Return alerts whose end reached the receiver before or without their beginning."""
    begun: set[str] = set()
    wrong = []
    for post in posts:
        alert = post["data"]["alert"]
        if post["type"] == FIRED:
            begun.add(alert)
        elif alert not in begun:
            wrong.append(f"resolved before fired: {alert}")
    return wrong


def _doubles(events: Iterable[Json], wrong: list[str]) -> int:
    """Count repeated deliveries; add beginnings and ends of alerts with two identifiers to `wrong`."""
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for event in events:
        if event["type"] in (FIRED, RESOLVED):
            ids[event["type"], event["data"]["alert"]].append(event["id"])
    wrong += [f"two identifiers: {kind} {alert}" for (kind, alert), each in ids.items() if len(set(each)) > 1]
    return sum(len(each) - 1 for each in ids.values())


def _line(event: Json) -> str:
    """Return the customer's phone: PJSIP/customer3 for PJSIP/customer3-00000012."""
    return str(event["data"]["customer_channel"]).rpartition("-")[0]


def _kind(event: Json) -> str:
    return str(event["type"]).removeprefix(PREFIX).rpartition(".")[0]
