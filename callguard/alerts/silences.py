"""Silences: a person keeps matching alerts from ringing for a while, and gives a reason."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from callguard.alerts.alert import Alert, AlertError
from callguard.config.error_text import did_you_mean

LONGEST_S = 7 * 86400.0
MOST_LISTED: Final = 20
"""Most known names that a refusal lists."""


class SilenceScope(BaseModel):
    """Selects alerts. An absent field matches all; rule, queue and agent are shell-style patterns.

    Queues are compared without case, as Asterisk does. An agent's own request for help is never selected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str | None = None
    queue: str | None = None
    call: str | None = None
    agent: str | None = None

    def covers(self, alert: Alert) -> bool:
        """Return whether an alert matches."""
        return (
            not alert.asked_for
            and _matches(self.rule, alert.rule)
            and _matches_queue(self.queue, alert.queue)
            and _matches(self.agent, alert.agent)
            and self.call in {None, alert.call}
        )


class Known(NamedTuple):
    """The names that a silence may give.

    `complete`: whether the queues are all that the PBX has; without AMI they are those that are configured or in use.
    """

    rules: Collection[str]
    queues: Collection[str]
    agents: Collection[str]
    calls: Collection[str]
    complete: bool


def check_scope(scope: SilenceScope, known: Known) -> None:
    """Raise AlertError, with the nearest name, where a scope can match nothing: a typo would silence nobody."""
    queues = [name for name in known.queues if _matches_queue(scope.queue, name)]
    agents = [name for name in known.agents if _matches(scope.agent, name)]
    for kind, pattern, found, names, complete in (
        ("rule", scope.rule, [name for name in known.rules if _matches(scope.rule, name)], known.rules, True),
        ("queue", scope.queue, queues, known.queues, known.complete),
        ("agent", scope.agent, agents, known.agents, False),  # an agent may be no queue's member
    ):
        near = "" if pattern is None or found else did_you_mean(pattern, names)
        if pattern is not None and not found and (near or complete):
            raise AlertError(f"no {kind} matches {pattern!r}{near}; known: {_listed(names)}")
    if scope.call is not None and scope.call not in known.calls:
        raise AlertError(f"no call {scope.call!r} at this node")


def _matches(pattern: str | None, name: str | None) -> bool:
    return pattern is None or (name is not None and fnmatchcase(name, pattern))


def _matches_queue(pattern: str | None, queue: str | None) -> bool:
    return pattern is None or (queue is not None and fnmatchcase(queue.casefold(), pattern.casefold()))


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)[:MOST_LISTED]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return (", ".join(shown) or "none") + more


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
