"""A part that goes or comes back is told once each."""

from typing import Any

import pytest

from callguard.asterisk.errors import ServerError
from callguard.asterisk.health import Trouble
from callguard.asterisk.parts import Parts
from callguard.contracts.events import Event, NodeDegraded, NodeRecovered
from callguard.runtime.outages import Outages

HANGS, REFUSES = Trouble("hangs", 1.0, "GET /x: no answer"), Trouble("refuses", 1.0, "GET /x: 401")


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def parts(events: list[Event]) -> Parts:
    return Parts(Outages("n1", events.append))


def told(events: list[Event]) -> list[tuple[bool, str]]:
    return [
        (isinstance(each, NodeRecovered), each.reason.partition(":")[0])
        for each in events
        if isinstance(each, NodeDegraded | NodeRecovered)
    ]


def test_each_change_is_told_once(parts: Parts, events: list[Event]) -> None:
    for up in (True, False, False, True, True, False):
        parts.tell("ami", up, "login refused")
    assert told(events) == [(False, "ami"), (True, "ami"), (False, "ami")]


def test_a_refusing_ari_is_another_trouble_than_a_hung_one(parts: Parts, events: list[Event]) -> None:
    parts.caught_up = True
    for trouble in (None, REFUSES, REFUSES, HANGS, None):
        parts.look_at(trouble)
    assert told(events) == [(False, "ari_refuses"), (True, "ari_refuses"), (False, "ari"), (True, "ari")]


def test_the_event_says_what_to_do_behind_the_parts_name(parts: Parts, events: list[Event]) -> None:
    parts.look_at(REFUSES)
    (degraded,) = events
    assert isinstance(degraded, NodeDegraded)
    assert degraded.reason == f"ari_refuses: {REFUSES.text}"
    parts.tell("ami", False, "login refused")
    assert events[-1].model_dump()["reason"] == "ami", "the log says why"


def test_an_ari_that_answers_is_back_only_once_its_events_are(parts: Parts, events: list[Event]) -> None:
    parts.tell("ari", False)
    parts.look_at(None)
    assert told(events) == [(False, "ari")]
    parts.caught_up = True
    parts.look_at(None)
    assert told(events) == [(False, "ari"), (True, "ari")]


class Ari:
    def __init__(self, answer: bool | ServerError) -> None:
        self.answer = answer

    async def lacks_module(self, module: str) -> bool:
        assert module == "func_timeout.so"
        if isinstance(self.answer, ServerError):
            raise self.answer
        return self.answer


async def test_an_asterisk_that_keeps_no_leases_is_told(parts: Parts, events: list[Event]) -> None:
    for answer in (False, True, ServerError("no"), False):
        ari: Any = Ari(answer)
        await parts.check_leases(ari)
    assert told(events) == [(False, "leases"), (True, "leases")]
