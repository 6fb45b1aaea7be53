"""The outbox keeps order, is bounded, and drops alerts last."""

from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.bus.outbox import Message, Outbox, importance
from callguard.contracts.events import AlertResolved, Event, NodeDegraded, NodeHearing, TapOpened, envelope

ALERT = AlertResolved(call="1", alert="a", rule="r", leg="customer", reason="calm", lasted_s=1)
NODE = NodeDegraded(node="n", reason="redis")
HEARING = NodeHearing(node="n", heard=1, calls=1)
TAP = TapOpened(call="1", leg="agent", tap="t", channel="c", path="audiosocket")


def message(event: Event) -> Message:
    wrapped = envelope(event, "n")
    return Message(wrapped, wrapped.to_json())


@settings(deadline=None)  # the first event of a session is checked against a document that is read then
@given(st.lists(st.sampled_from([ALERT, NODE, TAP, HEARING]), max_size=60), st.integers(1, 20), st.integers(1, 7))
def test_order_is_kept_and_only_the_least_important_is_dropped(events: list[Event], limit: int, step: int) -> None:
    outbox = Outbox(limit)
    sent = [message(event) for event in events]
    for item in sent:
        outbox.put(item)
    taken: list[Message] = []
    while len(outbox):
        taken += outbox.take(step)

    assert len(taken) == min(limit, len(sent))
    assert outbox.dropped == len(sent) - len(taken)
    assert taken == [item for item in sent if item in taken]
    lost = [importance(item.envelope.type) for item in sent if item not in taken]
    kept = [importance(item.envelope.type) for item in taken]
    assert not lost or not kept or max(lost) <= max(kept)


def test_no_alert_is_dropped_while_anything_else_waits() -> None:
    outbox = Outbox(3)
    items = [message(event) for event in (TAP, ALERT, NODE, ALERT, ALERT)]

    dropped = [outbox.put(item) for item in items]

    assert dropped == [None, None, None, items[0], items[2]]
    assert outbox.take(9) == [items[1], items[3], items[4]]


def test_counts_of_heard_calls_that_newer_ones_replace_go_first() -> None:
    outbox = Outbox(3)
    items = [message(event) for event in (TAP, HEARING, NODE, HEARING, TAP)]
    for item in items:
        outbox.put(item)
    assert outbox.take(9) == [items[0], items[2], items[4]]


def test_when_only_alerts_wait_the_oldest_goes() -> None:
    outbox = Outbox(1)
    first, second = message(ALERT), message(ALERT)
    outbox.put(first)

    assert outbox.put(second) is first
    assert outbox.take(2) == [second]


def test_of_a_call_that_is_forgotten_only_the_kept_types_stay() -> None:
    outbox = Outbox(9)
    other = message(ALERT.model_copy(update={"call": "2"}))
    items = [message(ALERT), message(NODE), other, message(TAP)]
    for item in items:
        outbox.put(item)
    outbox.forget("1", ("io.callguard.tap.",))
    assert outbox.take(9) == items[1:]
