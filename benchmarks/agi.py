"""Measure FastAGI's answers on loopback: `python -m benchmarks.agi [--sessions N]`.

The other side is a stand-in for Asterisk that answers each command at once. Records are read from a real Valkey.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import redis.asyncio

from callguard.agi.acts import Acts
from callguard.agi.outcomes import Outcomes
from callguard.agi.scripts import Scripts
from callguard.agi.server import AgiServer
from callguard.config.agi import Agi
from callguard.contracts.cards import CallerHistory
from callguard.testbed.valkey import StoppableValkey

HEAD = "agi_network: yes\nagi_network_script: {script}\nagi_uniqueid: 1.1\nagi_callerid: 49301234\n\n"
RECORD = {"calls": 4, "alerts": 2, "abuse": 0, "takeovers": 1, "last": datetime.now(UTC).isoformat()}


async def session(port: int, script: str) -> float:
    """Run one session; return its length in seconds."""
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD.format(script=script).encode())
    while await reader.readline():
        writer.write(b"200 result=1 (1.1)\n")
    writer.close()
    return time.perf_counter() - begun


async def measure(sessions: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        valkey = StoppableValkey(Path(folder))
        try:
            await answer(valkey.url, sessions)
        finally:
            valkey.stop()


async def answer(url: str, sessions: int) -> None:
    """Serve sessions whose record is in the server at `url`, and print their lengths."""
    client: Any = redis.asyncio.Redis.from_url(url, decode_responses=True)
    await client.hset("record", mapping=RECORD)

    async def earlier(_: str) -> CallerHistory | None:
        return CallerHistory.model_validate(await client.hgetall("record"))

    scripts = Scripts(earlier, Outcomes(), cast("Acts", None))  # these two scripts act on nothing
    server = AgiServer(Agi(listen="127.0.0.1:0"), scripts, lambda *_: None)
    await server.start()
    for script in ("caller", "outcome"):
        taken = sorted([await session(server.port, script) for _ in range(sessions)])
        p50, p99 = (1000 * taken[int(share * sessions)] for share in (0.5, 0.99))
        print(f"{script}: {sessions} sessions, p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {1000 * taken[-1]:.1f} ms")
    await server.stop()
    await client.aclose()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=2000, help="sessions of each script, one after another")
    asyncio.run(measure(parser.parse_args().sessions))


if __name__ == "__main__":
    main()
