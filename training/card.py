"""Write the model card: facts for the JSON beside the ONNX file, and a page for people with the reliability plot."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.metrics import reliability
from callguard.analysis.page import svg
from training.classifier import HEADS
from training.data import Clip
from training.spoken import LANGUAGES

PLOT: Final = "voice-reliability.svg"
LIMITS: Final = (
    "The only anger that shaped it is acted, German, from a studio; unseen corpora tell how far it carries.",
    "Loud joy and anger differ little in what a telephone carries: calls with loud joy raise the score.",
    "A caller who shouts from the first word and never stops is judged against the usual voice, not their own.",
    "It infers a state of voice, not of mind: raised_voice is vocal effort, anger is likeness to acted anger.",
    "Children, whisperers, singers and synthetic voices were not measured.",
)
WHY_RESEARCH: Final = (
    "Clips under non-commercial, no-derivatives or unknown licences shaped the weights: for local comparison, not to be"
    " shipped."
)


def corpora(clips: Sequence[Clip]) -> list[dict[str, Any]]:
    """Return the data by corpus and licence."""
    count = Counter((clip.corpus, _family(clip.licence), clip.shippable) for clip in clips)
    return [
        {"name": name, "licence": licence, "clips": number, "shippable": shippable}
        for (name, licence, shippable), number in sorted(count.items())
    ]


def _family(licence: str) -> str:
    """Return a licence without the name of the clip's author."""
    return licence.split(" by ", maxsplit=1)[0].strip()


def facts(
    clips: Sequence[Clip], metrics: dict[str, Any], points: dict[str, Any], *, research: bool, seed: int
) -> dict[str, Any]:
    """Return the card's facts other than the file's shape."""
    watchful, quiet = points["watchful"], points["quiet_floor"]
    return {
        "corpora": corpora(clips),
        "thresholds": {
            "watchful": watchful["threshold"] if watchful else 0.98,
            "quiet_floor": quiet["threshold"] if quiet else 0.98,
        },
        "research": research,
        "seed": seed,
        "metrics": metrics,
        "limits": [*LIMITS, *([WHY_RESEARCH] if research else [])],
    }


def write_page(out: Path, told: dict[str, Any], raised: NDArray[np.bool_], chances: NDArray[np.float64]) -> None:
    """Write `voice.md` and its plot beside the model."""
    (out / PLOT).write_text(_plot(raised, chances), "utf-8")
    (out / "voice.md").write_text(_page(told), "utf-8")


def _plot(raised: NDArray[np.bool_], chances: NDArray[np.float64]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], ":", color="grey")
    for at, head in enumerate(HEADS):
        told = reliability(raised, chances[:, at])
        axis.plot(told.score, told.share, "o-", label=head)
    axis.set(xlabel="score", ylabel="share of windows that were raised", title="speakers not trained on")
    axis.legend()
    return svg(figure)


def _page(told: dict[str, Any]) -> str:
    lines = [
        "# Model card: voice",
        "",
        "Hears how far a voice departs from its own calm start. Input: functionals of two seconds of",
        "speech and of the calm start, telephone band. Output: `raised_voice` (vocal effort) and `anger`, 0-1.",
        f"Written by `python -m training.train`, seed {told['seed']}.",
        "",
        "## For what, and for what not",
        "",
        "For calling a supervisor's attention to a caller's raised voice. Not for judging employees: the service gives",
        "it customers' legs only. Not for deciding anything about a person without a person.",
        "",
        "## Data",
        "",
        "| corpus | licence | clips | may shape what is shipped |",
        "| --- | --- | --- | --- |",
        *(
            f"| {c['name']} | {c['licence']} | {c['clips']} | {'yes' if c['shippable'] else 'no'} |"
            for c in told["corpora"]
        ),
        "",
        "Besides: vocal effort simulated on the calm speech above; calm and lively speech that espeak-ng made in",
        f"{len(LANGUAGES)} languages; music, tones, fax, noise, laughter and crying made by `training/sounds.py`.",
        "All of it through the simulated line of `training/channel.py`.",
        "",
        "## Figures",
        "",
        *_figures(told["metrics"]),
        "",
        f"![reliability]({PLOT})",
        "",
        f"Calibration error {told['metrics']['calibration_error']} on unheard speakers.",
        "",
        f"Thresholds from validation calls: quiet floor {told['thresholds']['quiet_floor']:g},",
        f"watchful {told['thresholds']['watchful']:g}.",
        "",
        "## Limits",
        "",
        *(f"* {limit}" for limit in told["limits"]),
    ]
    return "\n".join(lines) + "\n"


EAR_LIMITS: Final = (
    "What limits it is loud joy: acted joy and acted anger differ little in a telephone's band, for this ear too.",
    "The only anger that it learnt is that of ten German actors; how far it carries is told by unseen corpora.",
    "First words are compared with a usual voice, and are judged worst.",
    "It infers a state of voice, not of mind.",
)


def ear_facts(
    clips: Sequence[Clip], metrics: dict[str, Any], first_points: dict[str, Any], *, seed: int, windows: int
) -> dict[str, Any]:
    """Return the facts of the second ear's card; its thresholds are the first ear's, to whose scale it is brought."""
    return {
        "corpora": corpora(clips),
        "thresholds": {name: first_points[name]["threshold"] for name in ("watchful", "quiet_floor")},
        "seed": seed,
        "windows": windows,
        "metrics": metrics,
        "limits": list(EAR_LIMITS),
    }


def write_ear_page(out: Path, told: dict[str, Any]) -> None:
    """Write `ear.md` beside the model."""
    points = told["metrics"]["validation_calls"]
    rows = [(title, points[name]) for name, title in (("quiet_floor", "quiet floor"), ("watchful", "watchful"))]
    lines = [
        "# Model card: ear",
        "",
        "The second ear's decision. Input: the vector by which `encoder.onnx` describes two seconds of voice, the mean",
        "vector of the leg's calm windows, the rise of its level, the first ear's scores. Output: `raised_voice` and",
        "`anger`, 0-1, on the first ear's scale. Written by `python -m training.train_second`, seed "
        f"{told['seed']}, from {told['windows']} windows.",
        "",
        "Data and purpose are those of [voice](voice.md); the encoder's are told [apart](encoder.md).",
        "",
        "| weight of | raised_voice | anger |",
        "| --- | --- | --- |",
        *(
            f"| {name} | {found['raised_voice']:.3f} | {found['anger']:.3f} |"
            for name, found in told["metrics"]["weights"].items()
        ),
        "",
        "| validation calls, speakers that neither ear heard | caught | false an hour | delay, median / 90 % |",
        "| --- | --- | --- | --- |",
        *(
            f"| {title} | {f['recall']:.2f} | {f['false_per_hour']} | {f['delay_median_s']} / {f['delay_p90_s']} s |"
            for title, f in rows
        ),
        "",
        "## Limits",
        "",
        *(f"* {limit}" for limit in told["limits"]),
    ]
    (out / "ear.md").write_text("\n".join(lines) + "\n", "utf-8")


def _figures(metrics: dict[str, Any]) -> list[str]:
    lines = [
        "| judged on | angry or raised against all others | against calm | against happy |",
        "| --- | --- | --- | --- |",
    ]
    lines += [_row(f"{name}, raised_voice", found) for name, found in metrics["held_out_speakers"].items()]
    for corpus, heads in metrics["unseen_corpora"].items():
        lines += [_row(f"{corpus} (never trained on), {head}", found) for head, found in heads.items()]
    return lines


def _row(name: str, found: dict[str, float]) -> str:
    cells = (found.get(f"auc_{key}") for key in ("all", "calm", "happy"))
    return f"| {name} | " + " | ".join("–" if cell is None else f"{cell:.3f}" for cell in cells) + " |"
