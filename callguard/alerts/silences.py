"""Silences: a person keeps matching alerts from ringing for a while, and gives a reason."""

from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

from callguard.alerts.alert import Alert, AlertError

LONGEST_S = 7 * 86400.0


class SilenceScope(BaseModel):
    """Selects alerts. An absent field matches all; rule, queue and agent are shell-style patterns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str | None = None
    queue: str | None = None
    call: str | None = None
    agent: str | None = None

    def covers(self, alert: Alert) -> bool:
        """Return whether an alert matches."""
        return all(
            pattern is None or (value is not None and fnmatchcase(value, pattern))
            for pattern, value in (
                (self.rule, alert.rule),
                (self.queue, alert.queue),
                (self.agent, alert.agent),
            )
        ) and self.call in {None, alert.call}


class Silence(BaseModel):
    """A silence: author, reason, start, end (engine seconds) and scope."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    by: str
    why: str
    since: float
    until: float
    scope: SilenceScope


def new_silence(number: str, by: str, why: str, now: float, until: float, scope: SilenceScope) -> Silence:
    """Return a silence; raise AlertError when it has no reason, is over already or never ends."""
    if not why.strip():
        raise AlertError("a silence needs a reason")
    if not now < until <= now + LONGEST_S:
        raise AlertError("a silence ends after now and within 7 days")
    return Silence(id=number, by=by, why=why, since=now, until=until, scope=scope)


def covering(silences: list[Silence], alert: Alert, now: float) -> Silence | None:
    """Return the silence in force that ends last, if one covers the alert."""
    found = [each for each in silences if each.until > now and each.scope.covers(alert)]
    return max(found, key=lambda silence: silence.until, default=None)
