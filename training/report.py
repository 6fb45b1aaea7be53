"""Print detection's figures beside its goals: `python -m training.report` (`make evaluate`).

The data is read from CALLGUARD_DATA (default ../shared/data); the report skips missing data and prints a line about it.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.detection import measure
from callguard.analysis.calls import score_calls, summarise
from callguard.analysis.replay import load_models
from callguard.audio.window import FUNCTIONALS
from callguard.config import load_config, read_rule_files
from callguard.models.card import load_card
from callguard.models.emotion import SHIPPED
from callguard.rules import RuleSet, load_rules
from training import negatives, unseen
from training.data import Clip, data_root, load_corpora

SEED: Final = 11
SETTINGS: Final = ("quiet floor", "watchful")
CALLS: Final = 120
"""Number of calls made of the unseen corpora."""
CONFIG: Final = Path(__file__).parents[1] / "config" / "callguard.yaml"
WATCHFUL: Final = CONFIG.parent / "rules" / "settings" / "watchful.yaml"


def shipped_rules(*, watchful: bool = False) -> RuleSet:
    """Return the shipped rule pack in one of its two settings."""
    files = read_rule_files(load_config(CONFIG), CONFIG)
    more = ((str(WATCHFUL), WATCHFUL.read_text("utf-8")),) if watchful else ()
    return load_rules([*files, *more])


def collect(clips: Sequence[Clip], root: Path) -> dict[str, Any]:
    """Return all figures."""
    present = {clip.corpus for clip in clips}
    # Speed is measured first, while no other part of the report runs.
    told: dict[str, Any] = {"unseen": {}, "calls": None, "speed": measure(2000, 10.0)}
    for name in unseen.CORPORA:
        if name in present:
            told["unseen"][name] = unseen.corpus(clips, name, SEED)
        else:
            print(f"skipped: {name} is not under {root}")
    rules = {setting: shipped_rules(watchful=setting == "watchful") for setting in SETTINGS}
    if set(unseen.CORPORA) <= present:
        told["sensitivity"] = unseen.sensitivity(clips, SEED)
        told["unseen calls"] = unseen.calls(clips, rules, CALLS, SEED)
    if (root / "calls" / "index.json").exists():
        models = load_models()
        told["calls"] = {
            setting: summarise(score_calls(root / "calls", models, pack)) for setting, pack in rules.items()
        }
    else:
        print(f"skipped: no calls under {root}")
    told["validation"] = load_card(SHIPPED, "emotion", FUNCTIONALS).metrics["validation_calls"]
    told["no voice"] = {setting: negatives.run(clips, pack, 2.0, SEED) for setting, pack in rules.items()}
    unheard = [clip for clip in clips if clip.corpus in unseen.CORPORA]
    if unheard:
        told["calm, gain jumps"] = {
            setting: negatives.run_calm(unheard, pack, 1.0, SEED) for setting, pack in rules.items()
        }
    return told


def goals(told: Mapping[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    """Return rows of measure, figure, goal, and whether it is reached."""
    rows: list[tuple[str, str, str, bool | None]] = []
    found = [corpus["calm start"]["raised_voice"] for corpus in told["unseen"].values()]
    if found:
        worst, mean = min(f["auc"] for f in found), float(np.mean([f["auc"] for f in found]))
        calm = float(np.mean([f["auc_calm"] for f in found]))
        rows.append(("AUC angry / all others, unseen corpora, mean (worst)", f"{mean:.3f} ({worst:.3f})",
                     ">= .85 (.72)", mean >= 0.85 and worst >= 0.72))  # fmt: skip
        rows.append(("AUC angry / calm, the same", f"{calm:.3f}", ">= .93", calm >= 0.93))
    if told["calls"]:
        shared = told["calls"]["quiet floor"]
        rows += _call_goals("20 shared calls", shared["at_6_per_hour"], shared["at_1_per_hour_without_loud_joy"])
    if "unseen calls" in told:
        made = told["unseen calls"]["quiet floor"]
        title = f"{made['calls']} calls made of unseen corpora"
        rows += _call_goals(title, made["at_6_per_hour"], made["at_1_per_hour_without_loud_joy"])
        shipped = told["unseen calls"]["watchful"]["any_rule"]
        recall, rate = shipped["recall"], shipped["false_per_hour"]
        rows.append(("the same, watchful as shipped: caught (false an hour)", f"{recall:.2f} ({rate})",
                     ">= .85 (6)", recall >= 0.85 and rate <= 6))  # fmt: skip
    own = told["validation"]
    rows += _call_goals(
        f"{own['calls']} own calls, speakers held out", own["at_6_per_hour"], own["at_1_per_hour_without_loud_joy"]
    )
    rows += _call_goals("the same, as shipped", own["watchful"], own["quiet_floor"])
    kinds = {"no voice": "music, tones, fax, noise, silence, gain jumps", "calm, gain jumps": "calm speech, gain jumps"}
    for part, words in kinds.items():
        for setting, played in told.get(part, {}).items():
            rows.append((f"alerts in {played['hours']:.1f} h of {words}: {setting}",
                         str(played["alerts"]), "0", played["alerts"] == 0))  # fmt: skip
    if "sensitivity" in told:
        clean = told["sensitivity"]["clean"]
        for title, names in (("gain -24..+12 dB", "gain"), ("10 % loss", "10 %"), ("each codec", "codec")):
            lost = max(clean - value for name, value in told["sensitivity"].items() if name.startswith(names))
            rows.append((f"AUC lost by {title}", f"{max(lost, 0):.3f}", "<= .02", lost <= 0.02))
    legs = told["speed"]["legs_per_core"]
    share = told["speed"]["speech_share"]
    rows.append((f"legs per core at {share:.0%} speech", f"{legs}", ">= 3000", legs >= 3000))
    return rows


def _call_goals(
    title: str, at_6: Mapping[str, Any] | None, at_1: Mapping[str, Any] | None
) -> list[tuple[str, str, str, bool | None]]:
    rows: list[tuple[str, str, str, bool | None]] = []
    if at_6:
        median, late = at_6["delay_median_s"], at_6["delay_p90_s"]
        caught = f"{at_6['recall']:.2f} ({at_6['caught']}/{at_6['episodes']})"
        rows.append((f"{title}: caught at <= 6 false an hour", caught, ">= .85", at_6["recall"] >= 0.85))
        rows.append((f"{title}: delay, median / 90 %", f"{median} / {late} s", "<= 2 / 6 s", median <= 2 and late <= 6))
    if at_1:
        caught = f"{at_1['recall']:.2f} ({at_1['caught']}/{at_1['episodes']})"
        rows.append((f"{title}, no loud joy: caught at <= 1", caught, ">= .80", at_1["recall"] >= 0.8))
    return rows


def show(told: Mapping[str, Any]) -> None:
    """Print the tables as Markdown."""
    print("| measure | found | goal | reached |\n| --- | --- | --- | --- |")
    for measure_, found, goal, reached in goals(told):
        print(f"| {measure_} | {found} | {goal} | {'yes' if reached else 'no'} |")
    for name, corpus in told["unseen"].items():
        print(f"\n### {name}, through the simulated telephone\n")
        _print_table({**corpus["calm start"], "raised_voice, first words": corpus["first words"]})
        for condition, values in corpus["conditions"].items():
            shown = _spread(values) if condition == "speaker" else values
            print(f"\n{condition}: " + ", ".join(f"{value or '?'} {auc}" for value, auc in shown.items()))
    if "sensitivity" in told:
        print("\n### One thing changed on a clean line: AUC, mean of the unseen corpora\n")
        _print_table({name: {"auc": value} for name, value in told["sensitivity"].items()})
    sets = (("Shared calls", told["calls"]), ("Calls made of unseen corpora", told.get("unseen calls")))
    for title, setting, found in ((title, *item) for title, by_setting in sets for item in (by_setting or {}).items()):
        print(f"\n### {title}, shipped rules, {setting}\n")
        _print_table({**found["rules"], "any of them": found["any_rule"]})
        if setting == SETTINGS[0] and "each corpus alone" in found:
            print("\neach corpus alone, plain threshold of its own at 6 an hour:\n")
            _print_table(found["each corpus alone"])
        for condition, values in found["conditions"].items():
            print(f"\n{condition}, plain threshold at 6 an hour:\n")
            _print_table({v: {k: f[k] for k in ("episodes", "caught", "false_alerts")} for v, f in values.items()})
    print("\n### Own validation calls (speakers held out), by kind, at the watchful threshold\n")
    _print_table(told["validation"]["by_kind_at_watchful"])
    print(f"\nNo voice: {json.dumps(told['no voice'])}")
    print(
        f"\nCalm speech, gain jumps: {json.dumps(told.get('calm, gain jumps'))}\n\nSpeed: {json.dumps(told['speed'])}"
    )


def _spread(values: Mapping[str, float]) -> dict[str, float]:
    """Return the worst, the median and the best value."""
    ranked = sorted(values.items(), key=lambda item: item[1])
    return {f"{title} {ranked[at][0]}": ranked[at][1] for title, at in
            (("worst", 0), ("middle", len(ranked) // 2), ("best", -1))}  # fmt: skip


def _print_table(rows: Mapping[str, Mapping[str, Any] | None]) -> None:
    known = {name: row for name, row in rows.items() if row}
    columns = list(dict.fromkeys(key for row in known.values() for key in row))
    print(f"| | {' | '.join(column.replace('_', ' ') for column in columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for name, row in known.items():
        cells = ("–" if row.get(column) is None else str(row[column]) for column in columns)
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Report from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="speech data; default: CALLGUARD_DATA, else ../shared/data")
    parser.add_argument("--json", type=Path, help="file for all figures")
    given = parser.parse_args()
    root = data_root(given.data)
    try:
        clips = load_corpora(root)
    except FileNotFoundError as error:
        print(f"skipped: {error}")
        return
    told = collect(clips, root)
    if given.json:
        given.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    show(told)


if __name__ == "__main__":
    main()
