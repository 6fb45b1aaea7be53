"""Every part is told of every event, in one order: a cause before its effect."""

from callguard.contracts.events import AlertResolved, CallEnded, Published, published
from callguard.control.event_hub import EventHub
from tests.support.events import alert_resolved, call_ended, call_started


async def test_a_later_part_sees_the_cause_before_the_effect_that_an_earlier_part_published() -> None:
    hub, seen = EventHub("n1"), []

    def resolves(happened: Published) -> None:
        if isinstance(happened.event, CallEnded):
            hub.publish(alert_resolved("c1", "a1"))

    hub.connect(resolves, lambda happened: seen.append(type(happened.event)))
    hub.publish(call_ended("c1"))
    assert seen == [CallEnded, AlertResolved]


async def test_parts_are_told_in_the_order_in_which_they_were_connected() -> None:
    hub, told = EventHub("n1"), []
    hub.connect(lambda _: told.append("first"), lambda _: told.append("second"))
    hub.connect(lambda _: told.append("third"))
    hub.publish(call_started())
    assert told == ["first", "second", "third"]


async def test_every_part_gets_the_same_identity_and_time() -> None:
    hub, told = EventHub("n1"), []
    hub.connect(told.append, told.append)
    hub.publish(call_started("c1"))
    first, second = told
    assert first is second
    assert (first.node, first.call) == ("n1", "c1")
    assert first.envelope().id == first.id


async def test_an_event_keeps_the_identity_that_it_has() -> None:
    hub, told = EventHub("n1"), []
    hub.connect(told.append)
    happened = published(call_started(), "n2")
    hub.tell(happened)
    assert told == [happened]


async def test_a_part_that_fails_keeps_no_event_from_the_others() -> None:
    hub, told = EventHub("n1"), []

    def broken(_: Published) -> None:
        raise RuntimeError("a screen's mistake")

    hub.connect(broken, told.append)
    hub.publish(call_started())
    hub.publish(call_ended())
    assert len(told) == 2
