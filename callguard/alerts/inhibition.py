"""Inhibition: one alert of a call mutes others of it, so that one problem rings a supervisor once."""

from collections.abc import Iterable, Mapping

from callguard.alerts.alert import Alert
from callguard.config import Inhibit


def speaks_for(rules: Iterable[Inhibit], alert: Alert, others: Iterable[Alert]) -> Alert | None:
    """Return an alert of the same call that inhibits this one.

    A shadow alert inhibits none, and nothing inhibits an agent's own request for help.
    """
    if alert.asked_for:
        return None
    here = [other for other in others if other.call == alert.call and other.id != alert.id]
    sources = [other for other in here if other.active and not other.shadow]
    for rule in rules:
        if not _has(alert, rule.target):
            continue
        for source in sources:
            # Two alerts that fit both sides would silence each other.
            if _has(source, rule.source) and not (_has(source, rule.target) and _has(alert, rule.source)):
                return source
    return None


def _has(alert: Alert, labels: Mapping[str, str]) -> bool:
    known = {**alert.labels, "rule": alert.rule, "severity": alert.severity}
    return all(known.get(name) == value for name, value in labels.items())
