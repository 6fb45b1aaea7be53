"""Score a folder of labelled calls (`index.json`): episodes caught, false alerts and delays."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.episodes import Episode, Verdict, alarms, judge, total
from callguard.analysis.recordings import Recording, RecordingError
from callguard.analysis.replay import Alert, Replay, batches, replay_all
from callguard.contracts.vocabulary import Mode
from callguard.rules import RuleSet
from callguard.rules.authoring.rates import extrapolated
from callguard.worker.pipeline import Models

THRESHOLDS: Final = tuple(round(0.02 * step, 2) for step in range(1, 50))
"""Thresholds of raised_voice at which the operating curve is computed."""
HOLD_S: Final = 0.5
"""The `for` of the operating curve's rule."""
LOUD_KINDS: Final = ("laughing", "loud_happy")
"""Kinds of calls left out of the second figure: joy raises the voices in them."""
Progress = Callable[[Sequence[Any]], Iterator[Any]]


@dataclass(frozen=True)
class ScoredCall:
    """One call: the truth and the results on the customer's leg."""

    name: str
    kind: str
    seconds: float
    episodes: tuple[Episode, ...]
    raised: NDArray[np.float32]
    alerts: tuple[Alert, ...]
    conditions: dict[str, str]

    def verdict(self, rule: str) -> Verdict:
        """Compare the alerts of one rule with the truth."""
        return judge([alert.fired_at_s for alert in self.alerts if alert.rule == rule], self.episodes, self.seconds)

    def verdict_of_any(self) -> Verdict:
        """Compare the alerts of all rules with the truth: overlapping alerts count once, `info` alerts not at all."""
        starts, busy_until = [], -1.0
        for alert in sorted(self.alerts, key=lambda alert: alert.fired_at_s):
            if alert.severity == "info":
                continue
            if alert.fired_at_s > busy_until:
                starts.append(alert.fired_at_s)
            busy_until = max(busy_until, self.seconds if alert.resolved_at_s is None else alert.resolved_at_s)
        return judge(starts, self.episodes, self.seconds)

    def verdict_at(self, threshold: float, hold_s: float = HOLD_S) -> Verdict:
        """Compare a rule `raised_voice > threshold` with `for: hold_s` with the truth."""
        fired = [alarm.start for alarm in alarms(self.raised, threshold, hold_s)]
        return judge(fired, self.episodes, self.seconds)


def read_index(directory: Path) -> list[dict[str, Any]]:
    """Return the entries of `index.json`; raise RecordingError where it is unusable."""
    path = directory / "index.json"
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: can't be read: {error}") from error
    good = isinstance(entries, list) and all(isinstance(entry, dict) and "file" in entry for entry in entries)
    if not good or not entries:
        raise RecordingError(f"{path}: expected a list of calls, each with file, kind, customer_angry")
    result: list[dict[str, Any]] = entries
    return result


def score_calls(
    directory: Path, models: Models, rules: RuleSet, mode: Mode = "raised_voice", progress: Progress = iter
) -> list[ScoredCall]:
    """Replay all calls of a folder."""
    out: list[ScoredCall] = []
    for entries in progress(batches(read_index(directory))):
        results = replay_all([Recording(directory / entry["file"]) for entry in entries], models, rules, mode)
        out += [
            scored(entry, _conditions(directory, entry), result) for entry, result in zip(entries, results, strict=True)
        ]
    return out


def scored(entry: dict[str, Any], conditions: dict[str, str], result: Replay) -> ScoredCall:
    """Combine a replay with its truth."""
    episodes = tuple(Episode(float(each["start"]), float(each["end"])) for each in entry.get("customer_angry", ()))
    customer = tuple(alert for alert in result.alerts if alert.leg == "customer")
    raised = result.column(result.legs.index("customer"), "raised_voice")
    return ScoredCall(
        entry["file"], entry.get("kind", ""), result.duration_s, episodes, raised.copy(), customer, conditions
    )


def _conditions(directory: Path, entry: dict[str, Any]) -> dict[str, str]:
    """Return the conditions of the customer's line from the call's JSON, where that file exists."""
    path = (directory / entry["file"]).with_suffix(".json")
    try:
        leg = json.loads(path.read_text("utf-8"))["customer"]
    except (OSError, ValueError, KeyError):
        return {"kind": entry.get("kind", "")}
    return {
        "kind": entry.get("kind", ""),
        "codec": str(leg.get("codec", "")),
        "snr": _step(leg.get("snr_db"), 10, "dB"),
        "gain": _step(leg.get("gain_db"), 10, "dB"),
        "corpus": "".join(c for c in str(leg.get("speaker", "")) if c.isalpha()),
    }


def _step(value: Any, width: int, unit: str) -> str:
    if not isinstance(value, int | float):
        return ""
    low = int(value // width) * width
    return f"{low} to {low + width} {unit}"


def summarise(calls: Sequence[ScoredCall]) -> dict[str, Any]:
    """Return figures for all calls: per rule, along the operating curve, at its two set points and per condition."""
    names = sorted({alert.rule for call in calls for alert in call.alerts})
    plain = [call for call in calls if call.kind not in LOUD_KINDS]
    return {
        "calls": len(calls),
        "rules": {name: total([call.verdict(name) for call in calls]) for name in names},
        "any_rule": total([call.verdict_of_any() for call in calls]),
        "at_6_per_hour": operating_point(calls, 6.0),
        "at_1_per_hour_without_loud_joy": operating_point(plain, 1.0),
        "curve": [{"threshold": at, **total([call.verdict_at(at) for call in calls])} for at in THRESHOLDS],
        "conditions": _by_condition(calls),
        "extrapolated": extrapolated(sum(call.seconds for call in calls) / 3600),
    }


def operating_point(calls: Sequence[ScoredCall], most_per_hour: float, hold_s: float = HOLD_S) -> dict[str, Any] | None:
    """Return the figures at the lowest threshold with at most `most_per_hour` false alerts, or None without one."""
    for threshold in THRESHOLDS:
        found = total([call.verdict_at(threshold, hold_s) for call in calls])
        if found["false_per_hour"] is not None and found["false_per_hour"] <= most_per_hour:
            return {"threshold": threshold, **found}
    return None


def _by_condition(calls: Sequence[ScoredCall]) -> dict[str, dict[str, Any]]:
    point = operating_point(calls, 6.0)
    threshold = point["threshold"] if point else 0.5
    out: dict[str, dict[str, Any]] = {}
    for name in sorted({name for call in calls for name in call.conditions}):
        values = sorted({call.conditions.get(name, "") for call in calls})
        out[name] = {
            value: total([call.verdict_at(threshold) for call in calls if call.conditions.get(name, "") == value])
            for value in values
        }
    return out
