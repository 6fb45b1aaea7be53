"""Learn the second ear's linear models on one acted corpus and judge the others: `python -m training.domains`.

Three domains: German actors, English actors, Amharic volunteers. Calm speech, synthetic speech and sounds without words
are the same for all. The table shows how far each carries, for comparison: only models of the first domain are shipped.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from callguard.models.encoder import Encoder
from training import second, spoken
from training.data import Clip, data_root, load_corpora
from training.ear import CUES
from training.legs import LegPlan
from training.lessons import CACHE, Lesson, heard_of, lesson, part
from training.plans import ACTED_CORPORA, NATURAL_LEVELS, acted
from training.train import figures

SEED: Final = 17
CALM_FIRST: Final = 0.05
"""Score of the first ear that is assumed for all windows: its own is learnt from the first domain."""
PARTS: Final = ("absolute", "relative")


def domain(clips: Sequence[Clip], name: str) -> list[LegPlan]:
    """Return the legs of one acted corpus, one for each clip, all after a calm start."""
    chosen = [clip for clip in clips if clip.corpus == name]
    rng = np.random.default_rng(SEED)
    return acted(chosen, 1, rng, levelled=name not in NATURAL_LEVELS, cold_share=0.0)


def told(given: Lesson) -> second.Second:
    """Return a lesson in which the calm voice is learnt from the calm start alone."""
    raised = np.where(given.heard.at_s > 0, 1.0, CALM_FIRST)
    return second.Second.of(given, np.stack([raised, raised], axis=1))


def table(clips: Sequence[Clip], seed: int) -> list[str]:
    """Return the rows of the table."""
    shippable = [clip for clip in clips if clip.shippable]
    common = second.plans(shippable, spoken.made(CACHE / "espeak", seed), seed)
    others = lesson(common, heard_of(common, "second", Encoder()), second.SHARES)
    kept = np.array([plan.tags["corpus"] != "emodb" for plan in common])
    base = part(others, kept)
    legs = {name: domain(clips, name) for name in ACTED_CORPORA}
    lessons = {name: lesson(plans, heard_of(plans, name, Encoder())) for name, plans in legs.items() if plans}
    rows = []
    for name, given in lessons.items():
        learnt = told(second.both(given, base))
        ear = second.fit_layers(learnt, np.ones(len(learnt.given.y), np.bool_))
        for other, judged in lessons.items():
            cues = ear.cues(told(judged).asked)[:, :, 0]
            for title, values in (*((each, cues[:, CUES.index(each)]) for each in PARTS), ("both", cues[:, :2].sum(1))):
                found = figures(judged, values)
                cells = " | ".join(f"{found.get(f'auc_{key}', float('nan')):.3f}" for key in ("all", "calm", "happy"))
                rows.append(f"| {name} | {other}{' (itself)' if other == name else ''} | {title} | {cells} |")
    return rows


def main() -> None:
    """Print the table from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="speech data; default: CALLGUARD_DATA, else ../shared/data")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    print("| learnt on | judged on | part | angry / all | calm | happy |\n| --- | --- | --- | --- | --- | --- |")
    print("\n".join(table(load_corpora(data_root(given.data)), given.seed)))


if __name__ == "__main__":
    main()
