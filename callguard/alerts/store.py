"""The alert store owns every alert. Its input: transitions, commands, supervision, time; its output: events, effects.

Every method that changes something returns an `Outcome` and may be called in any order, twice, or after a restart. A
step that the table of `alert` lacks is ignored when a machine reports it, and refused with AlertError when a person
asks for it.
"""

from collections import Counter
from collections.abc import Callable, Container, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from callguard.alerts.alert import Alert, AlertError
from callguard.alerts.effects import ForgetCall, PromptAgent
from callguard.alerts.life_cycle import LifeCycle
from callguard.alerts.outcome import Outcome
from callguard.alerts.parts import Parts, assemble
from callguard.alerts.policy import Policy
from callguard.alerts.ringing import Ringing
from callguard.alerts.silences import Silence, SilenceScope, new_silence
from callguard.alerts.state import StoreState
from callguard.alerts.wire import prompts, tell
from callguard.contracts.events import AlertJudged, AlertPending, Away
from callguard.contracts.messages import Transition
from callguard.contracts.vocabulary import Verdict

RECONFIRM_S: Final = 30.0
"""Seconds after a restart in which an open alert's rule must report, or the alert ends: several `keep_firing_for`."""


Reason = Literal["call_ended", "opt_out"]


class Where(NamedTuple):
    """Queue and agent of a call, as control knows them."""

    queue: str | None = None
    agent: str | None = None


class AlertStore:
    """All alerts of this node.

    `new_id` makes identifiers of alerts and silences; `joinable` says whether a supervisor could join a call now:
    after a restart the call may be unknown for a moment, and during a transfer it has no agent. `heard` says whether a
    call is heard now.
    """

    def __init__(
        self,
        policy: Policy,
        new_id: Callable[[], str],
        joinable: Callable[[str], bool] = lambda call: True,
        heard: Callable[[str], bool] = lambda call: True,
    ) -> None:
        self._new_id = new_id
        self._joinable = joinable
        self._heard = heard
        self._away: dict[str, Away] = {}
        self._parts = Parts()
        self._adopt(StoreState(), policy)

    def reconfigure(self, policy: Policy) -> None:
        """Put another configuration in force; alerts, silences and budgets stay."""
        self._adopt(self._state, policy)

    # --- queries ---

    def get(self, alert: str) -> Alert:
        """Return an open alert; raise AlertError when no open alert has that identifier."""
        found = self._state.alerts.get(alert)
        if found is None:
            raise AlertError(f"no open alert {alert!r}")
        return found

    def known(self, alert: str) -> Alert | None:
        """Return an open or remembered alert; None when there is none with that identifier."""
        return self._state.alerts.get(alert) or self._state.past.get(alert)

    def open(self) -> list[Alert]:
        """Return open alerts, most urgent first."""
        return sorted(self._state.alerts.values(), key=lambda alert: alert.rank, reverse=True)

    def waiting(self) -> list[Alert]:
        """Return alerts that wait for a ring, most urgent first."""
        return [alert for alert in self.open() if alert.waiting and alert.unowned]

    @property
    def away(self) -> Mapping[str, Away]:
        """The supervisors whose phones can't be rung now, with the reason."""
        return MappingProxyType(self._away)

    def phones(self) -> Counter[str]:
        """Return the numbers of supervisors' phones that are free, busy and unreachable."""
        return Counter(self._away.get(supervisor.name, "free") for supervisor in self._policy.supervisors)

    def silences(self, now: float) -> list[Silence]:
        """Return the silences in force."""
        return [silence for silence in self._state.silences if silence.until > now]

    def verdicts(self) -> dict[str, dict[Verdict, int]]:
        """Return the count of each verdict, per rule."""
        return {rule: dict(counts) for rule, counts in self._state.verdicts.items()}

    # --- rules and time ---

    def apply(self, transition: Transition, where: Where, now: float) -> Outcome:
        """Take in a rule's transition."""
        if transition.private:
            return _advice(transition)
        out = Outcome()
        alert = self._find(transition)
        if alert is not None:
            alert.confirm_by = None
        match transition.kind:
            case "pending" if alert is None:
                out.events.append(tell(AlertPending, self._add(transition, where)))
            case "fired" if alert is None or alert.state == "pending":
                alert = alert or self._add(transition, where)
                _note(alert, transition, where)
                self._course.fire(alert, now, out)
            case "resolved" | "cancelled" if alert is not None:
                self._course.end(alert, transition.reason or "calm", now, out)
        return self._settled(now, out)

    def tick(self, now: float) -> Outcome:
        """Do everything that is due: escalations, ends of silences, waiting rings. Call it about once a second."""
        return self._settled(now, Outcome())

    def call_ended(self, call: str, now: float, reason: Reason = "call_ended") -> Outcome:
        """End every alert of a call and forget its supervisor; `reason` is call_ended or opt_out."""
        out = Outcome()
        if reason == "opt_out":
            self._state.past = {key: past for key, past in self._state.past.items() if past.call != call}
        for alert in [alert for alert in self._state.alerts.values() if alert.call == call]:
            if reason == "opt_out":
                alert.forget()
            self._course.end(alert, reason, now, out)
            if reason == "opt_out":
                self._state.past.pop(alert.id, None)
        if reason == "opt_out":
            out.effects.insert(0, ForgetCall(call))
        self._state.joined.pop(call, None)
        return self._settled(now, out)

    def retain_calls(
        self, live: Container[str], now: float, waits: Callable[[str], bool] = lambda call: False
    ) -> Outcome:
        """End the alerts of calls that ended during a restart.

        `waits` returns whether the customer of an absent call waits for the agent to come back. Such a call's alerts
        stay, and need not be confirmed before then.
        """
        out = Outcome()
        for call in sorted({alert.call for alert in self._state.alerts.values()}):
            if call in live:
                continue
            if waits(call):
                self.unconfirm(call, now)
            else:
                out.add(self.call_ended(call, now))
        return out

    def unconfirm(self, call: str, now: float) -> None:
        """End a call's alerts after a while unless their rules report again: the call's worker was lost."""
        for alert in self._state.alerts.values():
            if alert.call == call:
                alert.confirm_by = now + RECONFIRM_S

    # --- people ---

    def acknowledge(self, alert: str, by: str, now: float) -> Outcome:
        """Give a supervisor an alert and the alerts that share its ring. Raises AlertError, which names the owner."""
        found = self._fired(alert)
        if found.owner == by:
            return Outcome()
        if found.owner is not None:
            raise AlertError(f"alert {alert} is owned by {found.owner} already")
        ring = self._state.rings.get(found.call)
        together, stop = self._ringing.stop(found.call) if ring and alert in ring.alerts else ([alert], [])
        out = Outcome(effects=[*stop])
        for each in together:
            self._course.own(self._state.alerts[each], by, now, out)
        return self._settled(now, out)

    def joined(self, call: str, supervisor: str, now: float, alert: str | None = None) -> Outcome:
        """Note a supervisor in a call, by the ring of `alert` or by a command; give them the call's open alerts."""
        out = Outcome()
        self._state.joined[call] = supervisor
        rung, stop = self._ringing.stop(call)
        out.effects += [effect for effect in stop if effect.alert != alert]
        for each in dict.fromkeys([*rung, *([alert] if alert else [])]):
            found = self._state.alerts.get(each)
            if found is not None and found.call == call and found.unowned:
                self._course.own(found, supervisor, now, out)
        return self._settled(now, out)

    def left(self, call: str, supervisor: str, now: float) -> Outcome:
        """Note that a supervisor left a call; they keep the alerts that they own."""
        if self._state.joined.get(call) == supervisor:
            del self._state.joined[call]
        return self._settled(now, Outcome())

    def unanswered(self, alert: str, now: float) -> Outcome:
        """Ring the next tier before the deadline: an alert's ring ended without an answer."""
        out = Outcome()
        for call in [call for call, ring in self._state.rings.items() if ring.alert == alert]:
            self._course.escalate(call, now, out)
        return self._settled(now, out)

    def available(self, supervisor: str, away: Away | None, now: float) -> Outcome:
        """Note that a supervisor's phone can be rung (None), or why it can't. A present ring goes on."""
        if away is None:
            self._away.pop(supervisor, None)
        else:
            self._away[supervisor] = away
        return self._settled(now, Outcome())

    def silence(self, by: str, why: str, now: float, until: float, scope: SilenceScope) -> tuple[Silence, Outcome]:
        """Keep matching alerts from ringing for a while; stop rings that are for them alone. Raises AlertError."""
        silence = new_silence(self._new_id(), by, why, now, until, scope)
        self._state.silences.append(silence)
        out = Outcome()
        for alert in self._state.alerts.values():
            if alert.unowned and scope.covers(alert):
                out.effects += self._ringing.postpone(alert)
        return silence, self._settled(now, out)

    def unsilence(self, silence: str, now: float) -> Outcome:
        """End a silence early. Raises AlertError."""
        kept = [each for each in self._state.silences if each.id != silence]
        if len(kept) == len(self._state.silences):
            raise AlertError(f"no silence {silence!r}")
        self._state.silences = kept
        return self._settled(now, Outcome())

    def judge(self, alert: str, verdict: Verdict, by: str) -> Outcome:
        """Note the verdict on a fired alert, open or resolved; a later verdict replaces an earlier one."""
        found = self._state.past.get(alert) or self._fired(alert)
        counts = self._state.verdicts.setdefault(found.rule, {})
        if found.verdict is not None:
            counts[found.verdict] -= 1
        counts[verdict] = counts.get(verdict, 0) + 1
        found.verdict = verdict
        return Outcome(events=[tell(AlertJudged, found, by=by, verdict=verdict)])

    # --- restarts ---

    def changes(self) -> dict[str, str | None]:
        """Return the parts of the state that changed since the last call; None: the part is gone."""
        return self._parts.changes(self._state)

    def restore(self, parts: Mapping[str, str], now: float) -> Outcome:
        """Take up the parts of an earlier run; parts that can't be read are left out.

        No phone rings any more and nobody is in a call: alerts that rang ring again.
        """
        self._parts = Parts(parts)
        state = assemble(parts)
        self._adopt(state, self._policy)
        for ring in list(state.rings.values()):
            for each in ring.alerts:
                self._ringing.postpone(state.alerts[each])
        state.joined.clear()
        for alert in state.alerts.values():
            alert.confirm_by = now + RECONFIRM_S
        return self._settled(now, Outcome())

    # --- internals ---

    def _adopt(self, state: StoreState, policy: Policy) -> None:
        self._state = state
        self._policy = policy
        self._ringing = Ringing(state, policy, self._away, self._joinable)
        self._course = LifeCycle(state, policy, self._ringing, self._heard)

    def _fired(self, alert: str) -> Alert:
        found = self.get(alert)
        if found.state == "pending":
            raise AlertError(f"alert {alert} is pending; it has not fired yet")
        return found

    def _find(self, transition: Transition) -> Alert | None:
        return next(
            (a for a in self._state.alerts.values() if a.call == transition.call and a.rule == transition.rule), None
        )

    def _add(self, transition: Transition, where: Where) -> Alert:
        alert = Alert(
            id=self._new_id(),
            call=transition.call,
            rule=transition.rule,
            leg=transition.leg,
            severity=transition.severity,
            labels=transition.labels,
            actions=transition.actions,
            shadow=transition.shadow,
        )
        _note(alert, transition, where)
        self._state.alerts[alert.id] = alert
        return alert

    def _settled(self, now: float, out: Outcome) -> Outcome:
        self._course.settle(now, out)
        return out


def _note(alert: Alert, transition: Transition, where: Where) -> None:
    alert.queue, alert.agent = where.queue, where.agent
    alert.score = transition.score
    alert.evidence = transition.evidence
    alert.basis = transition.evidence.get("basis", "none")
    alert.annotations = transition.annotations


def _advice(transition: Transition) -> Outcome:
    """Play the prompts of a private rule; publish no event."""
    names = prompts(transition.actions) if transition.kind == "fired" else []
    return Outcome(effects=[PromptAgent("", transition.call, name) for name in names])
