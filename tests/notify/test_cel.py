"""An alert's mark in the channel event log is one argument of a dialplan application, whatever a rule is called."""

from callguard.contracts.events import envelope
from callguard.notify.cel import CelSender
from tests.support.events import alert_fired


async def test_a_mark_names_call_state_rule_leg_severity_and_alert() -> None:
    marks: list[tuple[str, str]] = []

    async def mark(call: str, text: str) -> None:
        marks.append((call, text))

    fired = alert_fired(rule="Loud|er, ${EVIL}")
    await CelSender(mark)(envelope(fired, "n1"))
    ((call, text),) = marks
    assert call == fired.call
    assert text == f"{fired.call}|fired|Loud/er EVIL|{fired.leg}|{fired.severity}|{fired.alert}"
