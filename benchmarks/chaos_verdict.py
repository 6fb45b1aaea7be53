"""Find faults in the phones' recordings: wrong ears, deaf calls, dropped calls. Pure."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final

from benchmarks.chaos_ears import Span, longest_gap, merged, within
from benchmarks.chaos_records import CallRecord, Cast, Outage, Recording

LEASE_S: Final = 6.0
"""Seconds after the last renewal at which Asterisk removes a supervisor from a conversation."""
SLACK_S: Final = 1.0
"""Seconds that Asterisk, the phones' jitter buffers and a busy machine may add."""
REACTION_S: Final = 1.5
"""Seconds without faults within which a consultation is cut off from supervisors."""
SETTLE_S: Final = 0.7
"""Seconds from an answer until the voices are heard."""
HAND_OVER_S: Final = 2.5
"""Seconds for which a take-over may leave the customer alone."""
DEAF_LIMIT_S: Final = 0.5
"""Seconds of silence above which talking parties count as deaf; a busy machine makes gaps of some 100 ms."""
STRANDING: Final = ("service_killed", "service_stopped", "service_restarted", "ari_500", "ari_cut")
"""Faults during which no lease can be renewed."""
LATE_S: Final = 8.0
"""Seconds after an outage's end in which it still excuses a fault."""


@dataclass(frozen=True)
class WrongEar:
    """A phone heard forbidden phones for `seconds` beyond the allowance, until `until_s` after the ban began."""

    listener: str
    speakers: tuple[str, ...]
    why: str
    at: float
    seconds: float
    until_s: float


@dataclass(frozen=True)
class Deaf:
    """Two talking parties did not hear each other for `seconds`."""

    line: int
    listener: str
    began: float
    seconds: float


def strands(outages: Iterable[Outage]) -> list[tuple[str, Span]]:
    """Return the spans in which no lease can be renewed, with their outages; overlapping outages make one span."""
    spans: list[tuple[str, Span]] = []
    for outage in sorted((each for each in outages if each.kind in STRANDING), key=lambda outage: outage.began):
        if spans and outage.began <= spans[-1][1][1]:
            what, (begin, end) = spans.pop()
            spans.append((f"{what} and {outage.kind}", (begin, max(end, outage.ended))))
        else:
            spans.append((outage.kind, (outage.began, outage.ended)))
    return spans


def allowance(begin: float, outages: Iterable[Outage]) -> float:
    """Return the seconds after `begin` in which a supervisor may still hear or be heard; fewer without faults."""
    struck = [outage for outage in outages if outage.target in ("service", "worker", "ari")]
    foul = any(outage.began <= begin + LEASE_S and outage.ended >= begin - LATE_S for outage in struck)
    return LEASE_S + SLACK_S if foul else REACTION_S


def deaf(call: CallRecord, cast: Cast) -> list[Deaf]:
    """Return the longest forbidden silence of each party of a call."""
    customer, agent, joiner = cast.customer(call.line), cast.agent(call.line), cast.joiner(call.line)
    together = list(_together(call))
    found = [
        _silence(call, listener, speaker, together) for listener, speaker in ((customer, agent), (agent, customer))
    ]
    if call.took_over_at is not None:
        after = (call.took_over_at + HAND_OVER_S, call.ended - SETTLE_S)
        found += [_silence(call, customer, joiner, [after])]
    return [silence for silence in found if silence]


def _together(call: CallRecord) -> Iterator[Span]:
    """Yield the spans in which customer and agent must hear each other."""
    begin, end = call.began + SETTLE_S, call.ended - SETTLE_S
    if call.took_over_at is not None:
        end = min(end, call.took_over_at - HAND_OVER_S)
    if call.apart is None:
        yield begin, end
    else:
        yield begin, min(end, call.apart[0])
        yield call.apart[1], end


def _silence(call: CallRecord, listener: str, speaker: str, spans: Sequence[Span]) -> Deaf | None:
    recording = call.recording(listener)
    if recording is None:
        return None
    gaps = [(longest_gap(recording.of(speaker), *span), span[0]) for span in spans if span[1] > span[0]]
    longest, began = max(gaps, default=(0.0, call.began))
    return Deaf(call.line, listener, began, longest)


def wrong_ears(
    calls: Sequence[CallRecord], supervisors: Sequence[Recording], outages: Sequence[Outage], cast: Cast
) -> list[WrongEar]:
    """Return all phones that heard a forbidden phone, by time."""
    found = [ear for call in calls for ear in _of_call(call, cast, outages)]
    found += [ear for call in calls for ear in _overheard(call, supervisors, outages, cast)]
    for recording in supervisors:
        found += _after_the_lease(recording, calls, outages, cast)
        found += _two_calls(recording, cast)
    return sorted(found, key=lambda ear: ear.at)


def _of_call(call: CallRecord, cast: Cast, outages: Sequence[Outage]) -> Iterator[WrongEar]:
    """Yield the forbidden supervisors and other lines that the parties of a call heard."""
    own = set(cast.of_line(call.line))
    for recording in call.recordings:
        strangers = set(recording.heard) - own - set(cast.supervisors)
        yield from _ear(recording, strangers, "another call", recording.began, recording.ended)
        for supervisor in set(recording.heard) & set(cast.supervisors):
            for why, begin, end in _silent_to(call, recording, supervisor, cast, outages):
                yield from _ear(recording, {supervisor}, why, begin, end)


def _silent_to(
    call: CallRecord, recording: Recording, supervisor: str, cast: Cast, outages: Sequence[Outage]
) -> Iterator[tuple[str, float, float]]:
    """Yield the spans in which a party must not hear a supervisor: reason, start, end."""
    takes_over = call.joining == "takeover" and supervisor == cast.joiner(call.line) and call.asked_at is not None
    if recording.phone == cast.colleague(call.line):
        yield "a consultation", recording.began, recording.ended
    elif recording.phone == cast.customer(call.line):
        yield "a whisper", recording.began, call.asked_at if takes_over and call.asked_at else recording.ended
    elif call.joining == "listen" and supervisor == cast.joiner(call.line):
        yield "only listening", recording.began, recording.ended
    elif call.private:
        begin, end = call.private
        yield "a consultation", begin + allowance(begin, outages), end


def _overheard(
    call: CallRecord, supervisors: Sequence[Recording], outages: Sequence[Outage], cast: Cast
) -> Iterator[WrongEar]:
    """Yield the parts of a consultation that supervisors heard."""
    if call.private is None:
        return
    begin, end = call.private
    allowed = allowance(begin, outages)
    for recording in supervisors:
        speakers = {cast.agent(call.line), cast.colleague(call.line)}
        yield from _ear(recording, speakers, "a consultation", begin + allowed, end, since=begin)


def _after_the_lease(
    recording: Recording, calls: Sequence[CallRecord], outages: Sequence[Outage], cast: Cast
) -> Iterator[WrongEar]:
    """Yield the audio that a supervisor heard after the lease while it could not be renewed."""
    if _took_over(recording, calls, cast):
        return
    for what, (began, ended) in strands(outages):
        begin, why = began + LEASE_S + SLACK_S, f"a lease that ended in {what}"
        yield from _ear(recording, set(recording.heard), why, begin, ended, since=began)


def _took_over(recording: Recording, calls: Sequence[CallRecord], cast: Cast) -> bool:
    return any(
        call.joining == "takeover"
        and call.asked_at is not None
        and recording.phone == cast.joiner(call.line)
        and call.asked_at <= recording.began <= call.ended
        for call in calls
    )


def _two_calls(recording: Recording, cast: Cast) -> Iterator[WrongEar]:
    """Yield the phones that a supervisor heard besides those of the most heard line."""
    lines = {line: _seconds(recording, cast.of_line(line)) for line in range(1, cast.lines + 1)}
    own = max(lines, key=lambda line: lines[line])
    others = {speaker for line in lines.keys() - {own} for speaker in cast.of_line(line)} & set(recording.heard)
    yield from _ear(recording, others, "another call", recording.began, recording.ended)


def _seconds(recording: Recording, speakers: Iterable[str]) -> float:
    return sum(end - begin for speaker in speakers for begin, end in recording.of(speaker))


def _ear(
    recording: Recording, speakers: Set[str], why: str, begin: float, end: float, since: float | None = None
) -> Iterator[WrongEar]:
    """Yield the forbidden audio of the speakers between two times; the ban began at `since`, or at `begin`."""
    parts = {speaker: within(recording.of(speaker), begin, end) for speaker in sorted(speakers)}
    spans = merged(sorted(span for part in parts.values() for span in part))
    if spans:
        audible = tuple(speaker for speaker, part in parts.items() if part)
        seconds = sum(last - first for first, last in spans)
        until_s = spans[-1][1] - (begin if since is None else since)
        yield WrongEar(recording.phone, audible, why, spans[0][0], seconds, until_s)
