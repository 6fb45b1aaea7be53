"""Who is rung for which call, from which tier, until when. Changes rings and budgets, and nothing else."""

from callguard.alerts import budget
from callguard.alerts.alert import Alert
from callguard.alerts.intents import Intent, RingSupervisors, StopRinging
from callguard.alerts.policy import Policy
from callguard.alerts.roster import first_tier
from callguard.alerts.state import BookState, Ring


class Ringing:
    """Rings of all calls over a book's state."""

    def __init__(self, state: BookState, policy: Policy) -> None:
        self._state = state
        self._policy = policy
        self.away: set[str] = set()
        """Supervisors who can't be rung now: device unreachable, do not disturb."""

    def begin(self, alert: Alert, now: float) -> list[Intent]:
        """Ring the next tier that has somebody free, or share the ring of the alert's call, or wait."""
        ring = self._state.rings.get(alert.call)
        if ring is not None:
            alert.waiting, alert.tier = False, ring.tier
            ring.alerts = [*dict.fromkeys([*ring.alerts, alert.id])]
            return []
        mode = self._policy.ring_mode(alert)
        found = first_tier(self._policy.duty(alert, now), alert.tier + 1, lambda name: self._free(name, now))
        alert.waiting = found is None
        if found is None or mode is None:
            return []
        tier, supervisors = found
        alert.tier = tier
        self._state.rings[alert.call] = Ring(
            alert=alert.id,
            alerts=[alert.id],
            supervisors=supervisors,
            tier=tier,
            deadline=now + self._policy.alerts.escalate_after_s,
        )
        budget.spend(self._state.spent, supervisors, now)
        return [RingSupervisors(alert.id, alert.call, supervisors, tier, mode, self._policy.ring_s)]

    def stop(self, call: str) -> tuple[list[str], list[StopRinging]]:
        """End a call's ring; return the alerts it spoke for and what to do."""
        ring = self._state.rings.pop(call, None)
        return (ring.alerts, [StopRinging(ring.alert)]) if ring else ([], [])

    def release(self, alert: Alert) -> list[StopRinging]:
        """Take an alert out of its call's ring; a ring that speaks for nothing more ends."""
        ring = self._state.rings.get(alert.call)
        if ring is None or alert.id not in ring.alerts:
            return []
        ring.alerts = [each for each in ring.alerts if each != alert.id]
        return [] if ring.alerts else self.stop(alert.call)[1]

    def postpone(self, alert: Alert) -> list[StopRinging]:
        """Take an alert out of its ring; it waits for another one, of the same tier."""
        ring = self._state.rings.get(alert.call)
        if ring is None or alert.id not in ring.alerts:
            return []
        alert.waiting, alert.tier = True, ring.tier - 1
        return self.release(alert)

    def _free(self, name: str, now: float) -> bool:
        state = self._state
        busy = name in state.joined.values() or any(name in ring.supervisors for ring in state.rings.values())
        return not busy and name not in self.away and self._left(name, now) > 0

    def _left(self, name: str, now: float) -> int:
        return budget.left(self._state.spent, name, self._policy.alerts.budget_per_hour, now)
