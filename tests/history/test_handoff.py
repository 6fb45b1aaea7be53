"""Who joins learns what rose and when, what was tried, and what earlier calls came to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from callguard.contracts.cards import CallerHistory
from callguard.contracts.events import (
    AbuseWarned,
    AlertAcknowledged,
    AlertFired,
    AssistRequested,
    CallStarted,
    CallUpdated,
    Event,
    PromptPlayed,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionStarted,
    published,
)
from callguard.history.handoff import SHOWN, Counts, Handoffs

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def told(*events: tuple[float, Event]) -> Handoffs:
    handoffs = Handoffs()
    for at_s, event in events:
        handoffs.see(published(event, "n1", START + timedelta(seconds=at_s)))
    return handoffs


def started() -> tuple[float, Event]:
    return 0.0, CallStarted(call="1.1", mode="raised_voice", queue="support", agent="anna", wait_s=40.0)


def alert(kind: type[Any], number: int = 1, **facts: Any) -> Any:
    labels = {"alert": f"a{number}", "rule": "Loud", "leg": "customer", "severity": "critical"}
    return kind(call="1.1", **labels, **facts)


def fired(number: int = 1, *, shadow: bool = False) -> Any:
    comparisons = [
        {"text": "customer.raised_voice > 0.6", "value": 0.8217, "holds": True},
        {"text": "customer.level_rise_db > 6", "value": 2.0, "holds": False},
    ]
    notes = {"summary": "The customer shouts"}
    return alert(AlertFired, number, shadow=shadow, annotations=notes, evidence={"comparisons": comparisons})


def supervision(kind: type[Any], mode: str, **facts: Any) -> Any:
    return kind(call="1.1", session="s", supervisor="lead", mode=mode, **facts)


def test_a_card_tells_where_what_rose_why_and_whose_it_is() -> None:
    taken = alert(AlertAcknowledged, by="lead", after_s=3.0)
    card = told(started(), (61.0, fired()), (64.0, taken)).card("1.1", START + timedelta(seconds=70))
    assert card is not None
    assert (card.queue, card.agent, card.wait_s, card.elapsed_s) == ("support", "anna", 40.0, 70.0)
    (rose,) = card.rose
    assert (rose.rule, rose.at_s, rose.state, rose.owner) == ("Loud", 61.0, "acknowledged", "lead")
    assert rose.because == ("customer.raised_voice > 0.6 (0.822)",)


def test_a_card_tells_what_was_tried_in_order() -> None:
    handoffs = told(
        started(),
        (5.0, AssistRequested(call="1.1")),
        (6.0, supervision(SupervisionFailed, "whisper", reason="no_answer")),
        (7.0, supervision(SupervisionFailed, "whisper", reason="answered_elsewhere")),
        (8.0, PromptPlayed(call="1.1", prompt="slow-down")),
        (9.0, AbuseWarned(call="1.1", played=True)),
        (12.0, supervision(SupervisionStarted, "listen", ring_s=2.0)),
    )
    card = handoffs.card("1.1", START)
    assert card is not None
    assert [(step.at_s, step.what, step.detail) for step in card.tried] == [
        (5.0, "help", "the agent asked for help"),
        (6.0, "no_answer", "lead: no_answer"),
        (8.0, "prompt", "slow-down"),
        (9.0, "warning", "played"),
        (12.0, "joined", "lead: listen"),
    ]


def test_rules_on_trial_are_not_on_the_card() -> None:
    card = told(started(), (1.0, fired(shadow=True))).card("1.1", START)
    assert card is not None
    assert card.rose == ()


def test_a_card_stays_short_and_keeps_the_newest() -> None:
    card = told(started(), *((float(n), fired(n)) for n in range(20))).card("1.1", START)
    assert card is not None
    assert [rose.at_s for rose in card.rose] == list(range(20 - SHOWN, 20))


def test_a_transfer_changes_the_agent_on_the_card() -> None:
    moved = CallUpdated(call="1.1", mode="raised_voice", queue="support", agent="ben", change="transfer")
    card = told(started(), (1.0, fired()), (9.0, moved)).card("1.1", START)
    assert card is not None
    assert (card.agent, len(card.rose)) == ("ben", 1)


def test_what_is_known_of_the_number_stands_on_the_card() -> None:
    handoffs = told(started())
    earlier = CallerHistory(calls=2, alerts=3, abuse=1, takeovers=0, last=START)
    handoffs.recall("1.1", earlier)
    handoffs.recall("gone", earlier)
    card = handoffs.card("1.1", START)
    assert card is not None
    assert card.earlier == earlier


def test_the_end_of_a_call_gives_its_counts_and_forgets_it() -> None:
    handoffs = told(
        started(),
        (1.0, fired()),
        (2.0, AbuseWarned(call="1.1", played=False)),
        (3.0, supervision(SupervisionStarted, "whisper", ring_s=1.0)),
        (4.0, supervision(SupervisionModeChanged, "takeover", previous="whisper", by="key")),
    )
    assert handoffs.close("1.1") == Counts(alerts=1, abuse=1, takeovers=1)
    assert handoffs.close("1.1") == Counts(0, 0, 0)
    assert handoffs.card("1.1", START) is None
