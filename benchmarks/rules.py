"""Measure the cost of the rules: µs per step and leg, and the share of a core at ten steps a second.

    python -m benchmarks.rules [--calls 1000] [--steps 300] [--json]

Every rule of config/rules runs on every call. Signals are random, and a fifth of the legs is not judged.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from callguard.audio.frames import HOP_S
from callguard.contracts.messages import CallFacts
from callguard.rules import RuleEngine, RuleSet, load_rules
from callguard.signals.table import CALL_SIGNALS, LEG_SIGNALS, SignalTable

PACK = Path(__file__).parent.parent / "config" / "rules"


def main() -> None:
    """Measure the shipped rule pack, then each of its rules alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000, help="calls; each has two legs")
    parser.add_argument("--steps", type=int, default=300, help="steps measured, after as many to warm up")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    pack = load_rules([(path.name, path.read_text("utf-8")) for path in sorted(PACK.glob("*.yaml"))])
    alone = {rule.name: measure(RuleSet((rule,)), args.calls, args.steps) for rule in pack}
    result = {"calls": args.calls, "legs": 2 * args.calls, "rules": len(pack)}
    result |= {"pack": measure(pack, args.calls, args.steps), "alone": alone}
    if args.json:
        print(json.dumps(result))
        return
    print(f"{result['rules']} rules, {args.calls} calls, {2 * args.calls} legs")
    for name, figures in {"whole pack": result["pack"], **alone}.items():
        per_step, per_leg = f"{figures['step_us']:6.0f} us a step", f"{figures['us_per_leg']:6.3f} us a leg"
        print(f"{name:<22} {per_step} {per_leg} {figures['core']:6.2%} of a core")


def measure(rules: RuleSet, calls: int, steps: int) -> dict[str, float]:
    """Return the median cost of a step."""
    table = SignalTable(2 * calls, calls)
    engine = RuleEngine(rules, table)
    for row in range(calls):
        table.open_call(row)
        table.customer[row], table.agent[row] = 2 * row, 2 * row + 1
        engine.open_call(row, CallFacts(str(row)))
    random = np.random.default_rng(1)
    low, high = (np.array([[getattr(s, end)] for s in LEG_SIGNALS], np.float32) for end in ("low", "high"))
    took = []
    for step in range(2 * steps):
        # Signals drift slowly, as voices do; a fifth of the legs is not judged at any time.
        if step % 50 == 0:
            table.leg[:] = low + random.random((len(LEG_SIGNALS), 2 * calls), np.float32) * (high - low) * np.float32(
                0.6
            )
            table.leg[:, random.random(2 * calls) < 0.2] = np.nan
            table.call[:] = random.random((len(CALL_SIGNALS), calls), np.float32)
        before = time.perf_counter()
        engine.step(step * HOP_S)
        took.append(time.perf_counter() - before)
    median = float(np.median(took[steps:])) * 1e6
    return {
        "step_us": round(median, 1),
        "us_per_leg": round(median / (2 * calls), 4),
        "core": round(median / 1e6 / HOP_S, 5),
    }


if __name__ == "__main__":
    main()
