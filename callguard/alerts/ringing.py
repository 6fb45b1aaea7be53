"""Decides whom to ring for a call, from which tier and until when. Changes only rings and budgets."""

from collections.abc import Callable, Mapping

from callguard.alerts import budget
from callguard.alerts.alert import Alert
from callguard.alerts.effects import Effect, RingSupervisors, StopRinging
from callguard.alerts.on_duty import next_tier
from callguard.alerts.policy import Policy
from callguard.alerts.state import Ring, StoreState
from callguard.config import SupervisorConfig
from callguard.contracts.events import Away, PassedOver


class Ringing:
    """Rings of all calls over a store's state.

    `away`: supervisors whose phones can't be rung now; `joinable`: as for AlertStore.

    A phone that we ring is busy too. This affects the next ring only, never the present one.
    """

    def __init__(
        self, state: StoreState, policy: Policy, away: Mapping[str, Away], joinable: Callable[[str], bool]
    ) -> None:
        self._state = state
        self._policy = policy
        self._away = away
        self._joinable = joinable

    def begin(self, alert: Alert, now: float) -> list[Effect]:
        """Share the call's ring; or ring the next tier with a free supervisor, else those passed over; or wait."""
        ring = self._state.rings.get(alert.call)
        if ring is not None:
            alert.waiting, alert.tier, alert.again_at = False, ring.tier, None
            alert.rung = (*dict.fromkeys((*alert.rung, *ring.supervisors)),)
            ring.alerts = [*dict.fromkeys([*ring.alerts, alert.id])]
            return []
        if alert.again_at is not None and now >= alert.again_at:
            alert.rung, alert.tier, alert.again_at = (), 0, None
        mode = self._policy.ring_mode(alert)
        found = next_tier(self._candidates(alert, now), alert.tier + 1)
        alert.waiting = found is None
        if found is None or mode is None:
            self._ring_again(alert, now)
            return []
        tier, supervisors = found
        alert.tier, alert.rung, alert.again_at = tier, (*alert.rung, *supervisors), None
        self._state.rings[alert.call] = Ring(
            alert=alert.id,
            alerts=[alert.id],
            supervisors=supervisors,
            tier=tier,
            deadline=now + self._policy.alerts.escalate_after_s,
        )
        budget.spend(self._state.spent, supervisors, now)
        return [RingSupervisors(alert.id, alert.call, supervisors, tier, mode, self._policy.ring_s)]

    def _ring_again(self, alert: Alert, now: float) -> None:
        """Set the time of the next round of all tiers, once everybody was rung."""
        if alert.rung and alert.again_at is None and self._policy.alerts.ring_again_s > 0:
            alert.again_at = now + self._policy.alerts.ring_again_s

    def _candidates(self, alert: Alert, now: float) -> list[SupervisorConfig]:
        if not self._joinable(alert.call):
            return []
        duty = self._policy.duty(alert, now)
        return [each for each in duty if each.name not in alert.rung and not self._why_not(each.name, alert, now)]

    def stop(self, call: str) -> tuple[list[str], list[StopRinging]]:
        """End a call's ring; return its alerts and the effects."""
        ring = self._state.rings.pop(call, None)
        return (ring.alerts, [StopRinging(ring.alert)]) if ring else ([], [])

    def release(self, alert: Alert) -> list[StopRinging]:
        """Take an alert out of its call's ring; end a ring without alerts."""
        ring = self._state.rings.get(alert.call)
        if ring is None or alert.id not in ring.alerts:
            return []
        ring.alerts = [each for each in ring.alerts if each != alert.id]
        return [] if ring.alerts else self.stop(alert.call)[1]

    def postpone(self, alert: Alert) -> list[StopRinging]:
        """Take an alert out of its ring; the alert waits for another ring of the same tier."""
        ring = self._state.rings.get(alert.call)
        if ring is None or alert.id not in ring.alerts:
            return []
        alert.waiting, alert.tier = True, ring.tier - 1
        alert.rung = tuple(name for name in alert.rung if name not in ring.supervisors)
        return self.release(alert)

    def passed_over(self, alert: Alert, now: float) -> dict[str, PassedOver]:
        """Return supervisors on duty whom an alert can't ring, and why: up to the ringing tier, else all tiers."""
        ring = self._state.rings.get(alert.call)
        asked = [
            each.name
            for each in self._policy.duty(alert, now)
            if ring is None or (each.tier <= ring.tier and each.name not in ring.supervisors)
        ]
        return {name: why for name in asked if (why := self._why_not(name, alert, now))}

    def _why_not(self, name: str, alert: Alert, now: float) -> PassedOver | None:
        if name in self._state.joined.values():
            return "in_call"
        if any(name in ring.supervisors for ring in self._state.rings.values()):
            return "ringing"
        if name in self._away:
            return self._away[name]
        spent_up = (
            not alert.asked_for and budget.left(self._state.spent, name, self._policy.alerts.budget_per_hour, now) <= 0
        )
        return "budget" if spent_up else None
