"""Print detection's figures beside its goals: `python -m training.report` (`make evaluate`).

The first table is for people who choose; all others are an appendix. The data is read from CALLGUARD_DATA (default
../shared/data); the report skips missing data and prints a line about it.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.detection import measure
from callguard.config import load_config, read_rule_files
from callguard.models import second_ear
from callguard.models.card import load_card, sha256
from callguard.models.emotion import SHIPPED
from callguard.models.encoder import SHIPPED as ENCODER
from callguard.rules import RuleSet, load_rules
from training import negatives, unseen
from training.data import Clip, data_root, load_corpora
from training.goals import Row, goals

SEED: Final = 11
SETTINGS: Final = ("quiet floor", "watchful")
PARTS: Final = ("speed", "corpora", "calls", "calm")
CONFIG: Final = Path(__file__).parents[1] / "config" / "callguard.yaml"
WATCHFUL: Final = CONFIG.parent / "rules" / "settings" / "watchful.yaml"
PHONE: Final = "wuw_phone"
"""Real telephone calls; both ears learnt calm speech from them."""


def shipped_rules(*, watchful: bool = False) -> RuleSet:
    """Return the shipped rule pack in one of its two settings."""
    files = read_rule_files(load_config(CONFIG), CONFIG)
    more = ((str(WATCHFUL), WATCHFUL.read_text("utf-8")),) if watchful else ()
    return load_rules([*files, *more])


def collect(clips: Sequence[Clip], root: Path, parts: Sequence[str] = PARTS) -> dict[str, Any]:
    """Return the figures of some parts of the report."""
    rules = {setting: shipped_rules(watchful=setting == "watchful") for setting in SETTINGS}
    features = (sha256(ENCODER), sha256(SHIPPED))
    told: dict[str, Any] = {"validation": load_card(second_ear.SHIPPED, "ear", features).metrics["validation_calls"]}
    # Speed is measured first, while no other part of the report runs.
    if "speed" in parts:
        told["speed"] = {name: measure(2000, 10.0, second_ear=both) for name, both in unseen.EARS.items()}
        told["calm floor"] = measure(2000, 10.0, 0.0)
    if "corpora" in parts:
        told |= _corpora(clips, root)
    if "calls" in parts:
        told["calls"] = _calls(clips, root, rules)
    if "calm" in parts:
        told |= _calm(clips, rules)
    return told


def _corpora(clips: Sequence[Clip], root: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"corpora": {}}
    for name in unseen.CORPORA:
        if any(clip.corpus == name for clip in clips):
            told["corpora"][name] = {
                ear: unseen.corpus(clips, name, SEED, second_ear=both) for ear, both in unseen.EARS.items()
            }
        else:
            print(f"skipped: {name} is not under {root}")
    if len(told["corpora"]) == len(unseen.CORPORA):
        told["sensitivity"] = unseen.sensitivity(clips, SEED)
    return told


def _calls(clips: Sequence[Clip], root: Path, rules: Mapping[str, RuleSet]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if set(unseen.CORPORA) <= {clip.corpus for clip in clips}:
        told |= {title: unseen.calls(clips, rules, mixture, SEED) for title, mixture in unseen.MIXTURES.items()}
    if (root / "calls" / "index.json").exists():
        told["shared"] = {
            ear: unseen.score_folder(root / "calls", rules, second_ear=both) for ear, both in unseen.EARS.items()
        }
    else:
        print(f"skipped: no calls under {root}")
    return told


def _calm(clips: Sequence[Clip], rules: Mapping[str, RuleSet]) -> dict[str, Any]:
    told = {"no voice": {setting: negatives.run(clips, pack, 2.0, SEED) for setting, pack in rules.items()}}
    for title, chosen, jumps in (
        ("calm, gain jumps", [clip for clip in clips if clip.corpus in unseen.CORPORA], True),
        ("calm, real phones", [clip for clip in clips if clip.corpus == PHONE], False),
    ):
        if chosen:
            told[title] = {
                setting: negatives.run_calm(chosen, pack, 1.0, SEED, jumps=jumps) for setting, pack in rules.items()
            }
    return told


def show(told: Mapping[str, Any]) -> None:
    """Print the tables as Markdown."""
    _print_goals(goals(told))
    print("\n## Appendix")
    for name, by_ear in told.get("corpora", {}).items():
        for ear, corpus in by_ear.items():
            print(f"\n### {name}, through the simulated telephone, {ear}\n")
            _print_table({**corpus["calm start"], "raised_voice, first words": corpus["first words"]})
        for condition, values in by_ear["both ears"]["conditions"].items():
            shown = _spread(values) if condition == "speaker" else values
            print(f"\n{condition}: " + ", ".join(f"{value or '?'} {auc}" for value, auc in shown.items()))
    if "sensitivity" in told:
        print("\n### One thing changed on a clean line: AUC, mean of the unseen corpora\n")
        print(", ".join(f"{name} {value}" for name, value in told["sensitivity"].items()))
    for title, by_ear in told.get("calls", {}).items():
        print(f"\n### {title} calls: CustomerRaisedVoice as shipped, then plain thresholds\n")
        _print_table(_call_rows(by_ear))
        print(
            "\nfalse alerts of the quiet floor, both ears, by kind of call: "
            + json.dumps(by_ear["both ears"]["by kind"])
        )
    print("\n### Own validation calls (speakers held out), by kind, at the watchful threshold\n")
    _print_table(told["validation"]["by_kind_at_watchful"])
    for title in ("no voice", "calm, gain jumps", "calm, real phones", "speed", "calm floor"):
        print(f"\n{title}: {json.dumps(told.get(title))}")


def _call_rows(by_ear: Mapping[str, Any]) -> dict[str, Any]:
    rows = {}
    for ear, found in by_ear.items():
        for setting in SETTINGS:
            rows[f"{ear}, {setting}"] = found["shipped"][setting]
        rows |= {f"{ear}, {title}": point for title, point in found["points"].items()}
    return rows


def _print_goals(rows: Sequence[Row]) -> None:
    print("| measure | first ear | both ears | must | reached |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row.measure} | {row.first} | {row.both} | {row.must} | {'yes' if row.reached else 'no'} |")


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
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="parts of the report; default: all")
    given = parser.parse_args()
    root = data_root(given.data)
    try:
        clips = load_corpora(root)
    except FileNotFoundError as error:
        print(f"skipped: {error}")
        return
    told = collect(clips, root, given.parts)
    if given.json:
        given.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    show(told)


if __name__ == "__main__":
    main()
