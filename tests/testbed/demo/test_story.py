"""The demo says what happened, and says so when something did not."""

from callguard.contracts.events import AlertFired, CallEnded, TapOpened, published
from callguard.testbed.demo.story import Story

EVIDENCE = {"comparisons": [{"text": "customer.raised_voice > 0.6", "value": 0.83, "operator": ">", "threshold": 0.6}]}


def test_an_alert_is_told_with_its_evidence() -> None:
    lines: list[str] = []
    story = Story(lambda _, text: lines.append(text))
    story.see(published(AlertFired(call="1.1", alert="a", rule="Loud", leg="customer", evidence=EVIDENCE), "n"))
    assert "ALERT      Loud on the customer's leg, warning: customer.raised_voice > 0.6 (0.83 > 0.60)" in lines[0]


def test_what_did_not_happen_is_named() -> None:
    story = Story(lambda *_: None)
    story.see(published(TapOpened(call="1.1", leg="customer", tap="t", channel="c", path="audiosocket"), "n"))
    story.see(published(CallEnded(call="1.1", mode="raised_voice", duration_s=3), "n"))
    assert story.calls_ended == 1
    assert story.missing() == ["alert.fired", "supervision.ringing", "supervision.started", "alert.resolved"]


def test_signals_are_told_now_and_then() -> None:
    lines: list[str] = []
    story = Story(lambda _, text: lines.append(text))
    story.signals({"raised_voice": None})
    for _ in range(3):
        story.signals({"raised_voice": 0.5, "level_rise_db": 6.0})
    assert len(lines) == 1
    assert "raised_voice 0.50 ██████████" in lines[0]
