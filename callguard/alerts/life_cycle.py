"""The life cycle of alerts: the events and effects of each step of the table, and of the passing of time."""

from collections.abc import Callable
from typing import Any

from callguard.alerts.alert import Alert
from callguard.alerts.effects import Effect, PromptAgent, RingSupervisors, SendTo, StopRepeating
from callguard.alerts.inhibition import speaks_for
from callguard.alerts.outcome import Outcome
from callguard.alerts.policy import Policy
from callguard.alerts.ringing import Ringing
from callguard.alerts.silences import covering
from callguard.alerts.state import MOST_PAST, StoreState
from callguard.alerts.wire import is_receiver, prompts, tell
from callguard.contracts.events import AlertAcknowledged, AlertEscalated, AlertEvent, AlertFired, AlertResolved


class LifeCycle:
    """Moves alerts of a store's state along. Every method appends to `out`."""

    def __init__(
        self, state: StoreState, policy: Policy, ringing: Ringing, heard: Callable[[str], bool] = lambda call: True
    ) -> None:
        self._state = state
        self._policy = policy
        self._ringing = ringing
        self._heard = heard

    def fire(self, alert: Alert, now: float, out: Outcome) -> None:
        """Publish a rule that fired, and carry out its actions unless it is muted or on trial."""
        alert.move("fire")
        alert.fired_at = now
        muted = self._muted_by(alert, now)
        ring = [] if any(muted.values()) or alert.shadow else self._ring(alert, now)
        self._announce(alert, ring, now, out, publish=True, **muted)
        self._hand_over(alert, now, out)

    def own(self, alert: Alert, by: str, now: float, out: Outcome) -> None:
        """Give an alert its owner."""
        alert.move("acknowledge")
        alert.owner, alert.waiting = by, False
        if any(map(is_receiver, alert.actions)):
            out.effects.append(StopRepeating(alert.id))
        out.events.append(tell(AlertAcknowledged, alert, by=by, after_s=now - (alert.fired_at or now)))

    def end(self, alert: Alert, reason: str, now: float, out: Outcome) -> None:
        """Resolve an alert: its condition or its call is over."""
        why = "cancelled" if alert.state == "pending" else reason
        lasted_s = 0.0 if alert.fired_at is None else now - alert.fired_at
        alert.move("end")
        event = tell(AlertResolved, alert, reason=why, lasted_s=lasted_s)
        out.events.append(event)
        out.effects += self._ringing.release(alert)
        if alert.told:
            out.effects += _to_receivers(alert, event)
        self._forget(alert)

    def escalate(self, call: str, now: float, out: Outcome) -> None:
        """Ring the next tier, as nobody answered a call's ring; or let the alerts wait until one is free."""
        alerts, stop = self._ringing.stop(call)
        out.effects += stop
        for alert in (self._state.alerts[each] for each in alerts):
            self._ring_on(alert, now, out)

    def settle(self, now: float, out: Outcome) -> None:
        """Do what is due after silences ended, inhibiting alerts went, deadlines passed or supervisors became free."""
        state = self._state
        state.silences = [silence for silence in state.silences if silence.until > now]
        for alert in list(state.alerts.values()):
            if alert.confirm_by is not None and now >= alert.confirm_by:
                self.end(alert, "calm" if self._heard(alert.call) else "unheard", now, out)
        for call in [call for call, ring in state.rings.items() if now >= ring.deadline]:
            self.escalate(call, now, out)
        for alert in sorted(state.alerts.values(), key=lambda each: each.rank, reverse=True):
            if self._is_behind(alert) and not any(self._muted_by(alert, now).values()):
                self._catch_up(alert, now, out)

    def _is_behind(self, alert: Alert) -> bool:
        """Return whether any of its actions may be outstanding. Cheap, because it is asked of every alert each time."""
        held_back = not alert.told or alert.waiting or alert.call in self._state.joined
        return held_back and alert.unowned and not alert.shadow

    def _catch_up(self, alert: Alert, now: float, out: Outcome) -> None:
        """Carry out actions that a silence, another alert or a lack of supervisors held back."""
        if not alert.told:
            self._announce(alert, self._ring(alert, now), now, out, publish=False)
        self._hand_over(alert, now, out)
        if alert.waiting:
            self._ring_on(alert, now, out)

    def _ring_on(self, alert: Alert, now: float, out: Outcome) -> None:
        """Ring for an alert that waits; this escalates the alert if others were rung for it before."""
        before = alert.rung
        rings = self._ringing.begin(alert, now)
        out.effects += rings
        if before and (rings or alert.rung != before):
            alert.move("escalate")
            passed_over = self._ringing.passed_over(alert, now)
            out.events.append(tell(AlertEscalated, alert, tier=alert.tier, passed_over=passed_over))

    def _ring(self, alert: Alert, now: float) -> list[Effect]:
        """Mark the alert as told; ring for it if its rule asks for a ring and no supervisor is in the call."""
        alert.told = True
        if self._policy.ring_mode(alert) is None or alert.call in self._state.joined:
            return []
        return self._ringing.begin(alert, now)

    def _hand_over(self, alert: Alert, now: float, out: Outcome) -> None:
        """Give an alert that would have rung to the supervisor who is in the call."""
        helper = self._state.joined.get(alert.call)
        if helper is not None and alert.told and self._policy.ring_mode(alert) is not None:
            self.own(alert, helper, now, out)

    def _announce(
        self, alert: Alert, ring: list[Effect], now: float, out: Outcome, *, publish: bool, **muted: str | None
    ) -> None:
        wants_ring = self._policy.ring_mode(alert) is not None
        merged = wants_ring and alert.told and not any(isinstance(effect, RingSupervisors) for effect in ring)
        wanting = wants_ring and alert.told and alert.call not in self._state.joined
        event = tell(
            AlertFired,
            alert,
            evidence=alert.evidence,
            actions=alert.actions,
            merged=merged,
            passed_over=self._ringing.passed_over(alert, now) if wanting else {},
            **_none_as_absent(muted),
        )
        if publish:
            out.events.append(event)
        if alert.told:
            out.effects += [PromptAgent(alert.id, alert.call, name) for name in prompts(alert.actions)]
            out.effects += _to_receivers(alert, event)
            out.effects += ring

    def _muted_by(self, alert: Alert, now: float) -> dict[str, str | None]:
        silence = covering(self._state.silences, alert, now)
        speaker = speaks_for(self._policy.alerts.inhibit, alert, self._state.alerts.values())
        return {"silenced_by": silence.id if silence else None, "inhibited_by": speaker.id if speaker else None}

    def _forget(self, alert: Alert) -> None:
        del self._state.alerts[alert.id]
        if alert.fired_at is not None:
            alert.evidence = {}
            self._state.past[alert.id] = alert
        while len(self._state.past) > MOST_PAST:
            del self._state.past[next(iter(self._state.past))]


def _to_receivers(alert: Alert, event: AlertEvent) -> list[Effect]:
    return [SendTo(action, event) for action in alert.actions if is_receiver(action)]


def _none_as_absent(values: dict[str, str | None]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
