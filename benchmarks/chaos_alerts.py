"""Compare the alerts that are due by the dry run with the messages that receivers took. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from benchmarks.chaos_records import CallRecord, Outage

ABLE_S: Final = 10.0
"""Seconds without faults in which a call is found, tapped and judged, on a busy machine."""
UP_S: Final = 4.0
"""Seconds that a failed service or worker may take to work again."""
JUDGING: Final = ("service", "worker", "ari")
"""Parts without which no alert can fire; other parts can only delay it."""
Verb = Literal["fired", "resolved"]
Dry = Mapping[int, Mapping[str, float]]
"""Time at which each rule fires, by line, in seconds of the customer's voice."""


class Key(NamedTuple):
    """The identity of a due alert: each call and rule has one."""

    call: str
    rule: str


@dataclass(frozen=True)
class Post:
    """A message to the webhook receiver; `taken` if the receiver answered 2xx."""

    alert: str
    key: Key
    verb: Verb
    taken: bool


@dataclass(frozen=True)
class Alerts:
    """The alerts of a run. The lists name faults; `repeats` counts messages with a repeated id, which are allowed."""

    due: int
    fired: int
    sent: int
    rung: int
    repeats: int
    lost: list[str]
    doubled: list[str]
    unannounced: list[str]
    unresolved: list[str]


def due(calls: Iterable[CallRecord], dry: Dry, outages: Sequence[Outage]) -> set[Key]:
    """Return the alerts that must have fired: enough time without faults followed the dry run's moment."""
    return {
        Key(call.id, rule)
        for call in calls
        for rule, at in dry[call.line].items()
        if any(end - begin >= ABLE_S for begin, end in _fair(call.began + at, call.ended, outages))
    }


def _fair(begin: float, end: float, outages: Sequence[Outage]) -> Iterator[tuple[float, float]]:
    """Yield the spans between two times in which every part needed for alerts worked."""
    for outage in sorted(outages, key=lambda outage: outage.began):
        if outage.target in JUDGING and outage.ended + UP_S > begin:
            yield begin, min(end, outage.began)
            begin = outage.ended + UP_S
    yield begin, end


def account(
    calls: Sequence[CallRecord],
    dry: Dry,
    outages: Sequence[Outage],
    posts: Sequence[Post],
    fired: Mapping[str, Key],
    rung: Iterable[str],
) -> Alerts:
    """Compare the due alerts and the service's `fired` events with the messages that receivers took."""
    wanted = due(calls, dry, outages)
    taken = [post for post in posts if post.taken]
    told = {post.alert: post.key for post in taken if post.verb == "fired"}
    resolved = {post.alert for post in taken if post.verb == "resolved"}
    copies = Counter((post.alert, post.verb) for post in taken)
    many = Counter(told.values()) | Counter(fired.values())
    lost = {f"{key.rule} of {key.call} never arose" for key in wanted - set(told.values()) - set(fired.values())}
    lost |= {f"{key.rule} of {key.call} ({alert}) never sent" for alert, key in fired.items() if alert not in told}
    return Alerts(
        due=len(wanted),
        fired=len(fired),
        sent=len(told),
        rung=len(set(rung) & set(fired)),
        repeats=sum(count - 1 for count in copies.values()),
        lost=sorted(lost),
        doubled=sorted(f"{key.rule} of {key.call}: {count} ids" for key, count in many.items() if count > 1),
        unannounced=sorted(resolved - set(told)),
        unresolved=sorted(set(told) - resolved),
    )
