"""Inhibition works within a set of alerts, never against itself."""

from callguard.alerts.inhibition import speaks_for
from callguard.config import Inhibit
from tests.alerts.test_alert import alert

CRITICAL = (Inhibit(source={"severity": "critical"}, target={"severity": "warning"}),)


def test_an_active_source_speaks_for_the_target() -> None:
    target = alert("fired", id="t", severity="warning")
    for state, speaks in (("pending", False), ("fired", True), ("acknowledged", True)):
        source = alert(state, id="s")
        found = speaks_for(CRITICAL, target, [target, source])
        assert (found is source) is speaks


def test_an_alert_speaks_for_none_of_another_call() -> None:
    target = alert("fired", id="t", severity="warning")
    elsewhere = alert("fired", id="s", call="another")
    assert speaks_for(CRITICAL, target, [target, elsewhere]) is None


def test_two_alerts_that_fit_both_sides_do_not_silence_each_other() -> None:
    rules = (Inhibit(source={"team": "x"}, target={"team": "x"}),)
    a, b = (alert("fired", id=name, labels={"team": "x"}) for name in "ab")
    assert speaks_for(rules, a, [a, b]) is None


def test_rules_can_be_named() -> None:
    rules = (Inhibit(source={"rule": "R"}, target={"rule": "S"}),)
    source, target = alert("fired", id="r"), alert("fired", id="s", rule="S")
    assert speaks_for(rules, target, [source, target]) is source
    assert speaks_for(rules, source, [source, target]) is None
