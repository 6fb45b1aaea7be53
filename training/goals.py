"""Compare detection's figures with what is demanded of them: the rows of the report's first table."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

EARS: Final = ("first ear", "both ears")
Found = Mapping[str, Any]


class Row(NamedTuple):
    """One measure: its figures, what is demanded, whether both ears reach it."""

    measure: str
    first: str
    both: str
    must: str
    reached: bool


def goals(told: Found) -> list[Row]:
    """Return all rows; those without data are left out."""
    return [*_calls(told), *_corpora(told), *_calm(told), *_costs(told)]


def _row(measure: str, found: Found, must: str, told: Callable[[Any], str], reached: Callable[[Any], bool]) -> Row:
    first, both = (found.get(ear) for ear in EARS)
    shown = [("–" if each is None else told(each)) for each in (first, both)]
    return Row(measure, shown[0], shown[1], must, both is not None and reached(both))


def _calls(told: Found) -> list[Row]:
    out = []
    for title, by_ear in told.get("calls", {}).items():
        if title == "hot start":
            within = {ear: found["within 6 s"] for ear, found in by_ear.items()}
            out.append(_row("hot starts: quiet floor, caught within 6 s of the first word", within, ">= .60",
                            lambda share: f"{share:.2f}", lambda share: share >= 0.6))  # fmt: skip
            continue
        for name, least in (("at <= 6 an hour", 0.9), ("at <= 1, no loud joy", 0.85), ("at <= 2 an hour", 0.65)):
            points = {ear: found["points"][name] for ear, found in by_ear.items()}
            out.append(_row(f"{title} calls: caught {name}", points, f">= {least:.2f}", _caught,
                            _reaches(least)))  # fmt: skip
        shipped = {ear: found["shipped"]["quiet floor"] for ear, found in by_ear.items()}
        out.append(_row(f"{title} calls: quiet floor as shipped (false an hour)", shipped, ">= .70 (1.5)",
                        lambda f: f"{f['recall']:.2f} ({f['false_per_hour']})",
                        lambda f: f["recall"] >= 0.7 and f["false_per_hour"] <= 1.5))  # fmt: skip
        points = {ear: found["points"]["at <= 6 an hour"] for ear, found in by_ear.items()}
        out.append(_row(f"{title} calls: delay at <= 6, median / 90 %", points, "<= 2 / 8 s",
                        lambda f: f"{f['delay_median_s']} / {f['delay_p90_s']} s",
                        lambda f: f["delay_median_s"] <= 2 and f["delay_p90_s"] <= 8))  # fmt: skip
    return out


def _reaches(least: float) -> Callable[[Found], bool]:
    return lambda point: bool(point["recall"] >= least)


def _caught(point: Found) -> str:
    return f"{point['recall']:.2f} ({point['caught']}/{point['episodes']})"


def _corpora(told: Found) -> list[Row]:
    out = []
    for key, title, least in (("auc", "all others", 0.85), ("auc_calm", "calm", 0.92), ("auc_happy", "happy", 0.7)):
        by_corpus = [
            {ear: found["calm start"]["raised_voice"][key] for ear, found in by_ear.items()}
            for by_ear in told.get("corpora", {}).values()
        ]
        if by_corpus:
            mean = {ear: float(np.mean([found[ear] for found in by_corpus])) for ear in EARS}
            out.append(_row(f"AUC angry / {title}, unseen corpora, mean", mean, f">= {least:.2f}",
                            lambda auc: f"{auc:.3f}", least.__le__))  # fmt: skip
    return out


def _calm(told: Found) -> list[Row]:
    out = []
    for part, words, most in (
        ("no voice", "music, tones, fax, noise, silence", {"quiet floor": 0, "watchful": 1}),
        ("calm, gain jumps", "calm speech, gain jumps", {"quiet floor": 0, "watchful": 3}),
        ("calm, real phones", "calm speech on real telephone lines", {"quiet floor": 1, "watchful": 5}),
    ):
        for setting, played in told.get(part, {}).items():
            measure, limit = f"alerts in {played['hours']:.1f} h of {words}: {setting}", most[setting]
            out.append(_row(measure, {"both ears": played["alerts"]}, f"<= {limit}", str, limit.__ge__))
    return out


def _costs(told: Found) -> list[Row]:
    if "speed" not in told:
        return []
    ms = {ear: found["us_per_leg_s"] / 1000 for ear, found in told["speed"].items()}
    share = told["speed"]["both ears"]["heated"]
    return [_row(f"CPU of a leg-second, 40 % speech, {share:.0%} of customers heated", ms, "<= .40 ms",
                 lambda cost: f"{cost:.2f} ms", lambda cost: cost <= 0.4)]  # fmt: skip
