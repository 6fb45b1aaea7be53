"""Measure the cost of one comparison of the held objects with those that exist in Asterisk, for the control process.

    python -m benchmarks.upkeep [--calls 1000] [--runs 20] [--json]

Each call has two legs tapped by AudioSocket, which makes four channels and a bridge; no object is surplus. The answers
of ARI are read in their wire form; Asterisk's own time to write them is not counted.
"""

import argparse
import json
import statistics
import time
import uuid
from typing import Any

from callguard.asterisk.events import bridge_from, channel_from
from callguard.asterisk.upkeep.holdings import Holdings
from callguard.asterisk.upkeep.reconciler import COMPARE_S

CREATED = "2026-11-22T05:21:07.623+0000"


def main() -> None:
    """Measure reading and comparing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000, help="calls; each has two legs")
    parser.add_argument("--runs", type=int, default=20, help="comparisons measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    holdings, channels, bridges = floor(args.calls)
    taken = [measure(holdings, channels, bridges) for _ in range(args.runs)]
    read_ms, compare_ms = (statistics.median(each) * 1000 for each in zip(*taken, strict=True))
    share = (read_ms + compare_ms) / 1000 / COMPARE_S
    result = {"calls": args.calls, "read_ms": round(read_ms, 1), "compare_ms": round(compare_ms, 1), "core": share}
    if args.json:
        print(json.dumps(result))
    else:
        print(f"{args.calls} calls: read {read_ms:.1f} ms, compare {compare_ms:.1f} ms, {share:.2%} of a core")


def floor(calls: int) -> tuple[Holdings, str, str]:
    """Return the holdings, and ARI's lists of channels and bridges."""
    holdings, channels, bridges = Holdings("callguard"), list[Any](), list[Any]()
    for n in range(calls):
        legs = [f"1795.{2 * n}", f"1795.{2 * n + 1}"]
        channels += [
            channel(legs[0], f"PJSIP/trunk-{n:08x}", "Queue"),
            channel(legs[1], f"PJSIP/a-{n:08x}", "AppQueue"),
        ]
        taps = [str(uuid.uuid4()) for _ in legs]
        holdings.hold(*taps)
        channels += [channel(tap, f"Snoop/{leg}-0", "AudioSocket") for tap, leg in zip(taps, legs, strict=True)]
        bridges.append({"id": str(uuid.uuid4()), "channels": legs, "creationtime": CREATED, "bridge_type": "mixing"})
    return holdings, json.dumps(channels), json.dumps(bridges)


def channel(channel_id: str, name: str, app: str) -> dict[str, Any]:
    """Return a channel in ARI's form."""
    party = {"name": "Somebody", "number": "+15550100"}
    dialplan = {"context": "phones", "exten": "201", "priority": 1, "app_name": app, "app_data": "support,tT"}
    return {
        "id": channel_id, "name": name, "state": "Up", "protocol_id": "x" * 36, "caller": party, "connected": party,
        "accountcode": "", "dialplan": dialplan, "creationtime": CREATED, "language": "en",
    }  # fmt: skip


def measure(holdings: Holdings, channels: str, bridges: str) -> tuple[float, float]:
    """Return the processor seconds of reading and of comparing."""
    began = time.process_time()
    seen = [channel_from(each) for each in json.loads(channels)], [bridge_from(each) for each in json.loads(bridges)]
    read = time.process_time()
    if holdings.surplus(*seen):
        raise RuntimeError("nothing here is surplus")
    return read - began, time.process_time() - read


if __name__ == "__main__":
    main()
