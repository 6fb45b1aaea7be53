"""Report a chaos run: its figures in one table, and its faults. Pure."""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from benchmarks.chaos_alerts import Alerts
from benchmarks.chaos_records import CallRecord, Cast, Outage, Recording
from benchmarks.chaos_verdict import DEAF_LIMIT_S, Deaf, WrongEar, deaf, wrong_ears


@dataclass(frozen=True)
class Run:
    """The results of a run after its end."""

    cast: Cast
    calls: Sequence[CallRecord]
    supervisors: Sequence[Recording]
    outages: Sequence[Outage]
    alerts: Alerts
    left: Sequence[str]
    degraded: Counter[str]
    open_causes: Set[str]
    ready: bool
    unanswered: int
    answered_twice: int
    ended_by_itself: Sequence[str]
    floor_failures: Sequence[str]
    complaints: Counter[str]

    @property
    def deaf(self) -> list[Deaf]:
        """Return the longest silence of each party of each call."""
        return [silence for call in self.calls for silence in deaf(call, self.cast)]

    @property
    def wrong_ears(self) -> list[WrongEar]:
        """Return all phones that heard a forbidden phone."""
        return wrong_ears(self.calls, self.supervisors, self.outages, self.cast)

    @property
    def dropped(self) -> list[CallRecord]:
        """Return the calls that ended although no party hung up by plan."""
        return [call for call in self.calls if call.dropped]


def figures(run: Run) -> list[tuple[str, str]]:
    """Return the table's rows."""
    alerts, ears = run.alerts, run.wrong_ears
    kinds = Counter(outage.kind for outage in run.outages)
    consulted = sum(call.private is not None for call in run.calls)
    taken_over = sum(call.took_over_at is not None for call in run.calls)
    return [
        ("faults", f"{len(run.outages)}: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))),
        ("calls", f"{len(run.calls)}, {consulted} with a consultation, {taken_over} taken over"),
        ("supervisors' calls", str(len(run.supervisors))),
        ("dropped", str(len(run.dropped))),
        ("deaf ms, longest", f"{1000 * max((silence.seconds for silence in run.deaf), default=0.0):.0f}"),
        ("wrong ear s, beyond what is allowed", f"{sum(ear.seconds for ear in ears):.1f} in {len(ears)} cases"),
        ("alerts due / fired / sent / rung", f"{alerts.due} / {alerts.fired} / {alerts.sent} / {alerts.rung}"),
        ("alerts lost / doubled ids", f"{len(alerts.lost)} / {len(alerts.doubled)}"),
        ("resolved unannounced / never resolved", f"{len(alerts.unannounced)} / {len(alerts.unresolved)}"),
        ("sent again with the same id", str(alerts.repeats)),
        ("commands unanswered / answered twice", f"{run.unanswered} / {run.answered_twice}"),
        ("left in Asterisk", str(len(run.left))),
        ("degraded", ", ".join(f"{cause} {count}" for cause, count in sorted(run.degraded.items())) or "never"),
        ("degraded at the end", ", ".join(sorted(run.open_causes)) or "nothing"),
        ("ready at the end", "yes" if run.ready else "no"),
        ("service ended by itself", str(len(run.ended_by_itself))),
        ("calls that the floor itself failed to place", str(len(run.floor_failures))),
    ]


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Return rows as text, one in each line."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def problems(run: Run) -> list[str]:
    """Return the faults of a run; an empty list if it passed."""
    alerts = run.alerts
    return [
        *(f"dropped: {call.dropped} at {call.ended:.1f}" for call in run.dropped),
        *(_deaf(silence) for silence in run.deaf if silence.seconds > DEAF_LIMIT_S),
        *(_ear(ear) for ear in run.wrong_ears),
        *(f"alert lost: {text}" for text in alerts.lost),
        *(f"alert with several ids: {text}" for text in alerts.doubled),
        *(f"resolved, but never told as fired: {alert}" for alert in alerts.unannounced),
        *(f"fired, but never told as resolved: {alert}" for alert in alerts.unresolved),
        *([f"{run.unanswered} commands without an answer"] if run.unanswered else []),
        *([f"{run.answered_twice} commands answered twice"] if run.answered_twice else []),
        *(f"left in Asterisk: {name}" for name in run.left),
        *(f"degraded for good: {cause}" for cause in sorted(run.open_causes)),
        *([] if run.ready else ["not ready at the end"]),
        *(f"the service ended by itself: {status}" for status in run.ended_by_itself),
        *([] if run.calls else ["no call was made"]),
    ]


def _deaf(silence: Deaf) -> str:
    return f"deaf: {silence.listener} for {silence.seconds:.2f} s from {silence.began:.1f}"


def _ear(ear: WrongEar) -> str:
    heard = f"{ear.listener} heard {' and '.join(ear.speakers)} in spite of {ear.why}"
    return f"wrong ear: {heard} for {ear.seconds:.2f} s from {ear.at:.1f}, up to {ear.until_s:.1f} s after it began"
