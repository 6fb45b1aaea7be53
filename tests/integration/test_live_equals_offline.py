"""The same audio gives the same numbers, heard live through a real Asterisk or read from a file."""

import asyncio
import csv
import json
from pathlib import Path

import numpy as np
import redis.asyncio
from numpy.typing import NDArray

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from tests.integration.harness.service import LOUD_RULE, Service
from tests.integration.harness.speech import call_voice

SIGNALS = ("level_dbfs", "raised_voice")
TOLERANCE = {"level_dbfs": 1.5, "raised_voice": 0.1}
"""G.711 and the start of the tap, some tenths of a second into the call, are all that may differ."""
LATEST_START_S = 2.0
Series = list[tuple[float, dict[str, float | None]]]


async def test_live_signals_are_those_of_analyze(lab: Lab, redis_url: str, tmp_path: Path) -> None:
    voice = call_voice(tmp_path / "voice.wav", ("neutral", 10), ("angry", 8))
    async with Service(lab, redis_url, tmp_path / "s", rules=LOUD_RULE.replace("ring_whisper", "notify")) as service:
        customer = await lab.farm.phone("customer1").call(QUEUE, voice)
        await lab.farm.phone("agent1").answered()
        call = (await service.wait_for("tap.opened", leg="customer"))["subject"]
        live = await _watch(redis_url, call, 17.5)
        await customer.hangup()
        await service.wait_for("call.ended")
        status, _ = await service.cli("analyze", str(voice), "--signals", str(tmp_path / "signals.csv"))
    assert status in (0, 1)
    offline = _stored(tmp_path / "signals.csv")
    assert len(live) > 10
    for name, tolerance in TOLERANCE.items():
        assert _difference(live, offline, name) < tolerance, name


async def _watch(redis_url: str, call: str, seconds: float) -> Series:
    """Follow the call's present signals, which are written about once a second."""
    found: dict[float, dict[str, float | None]] = {}
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        while loop.time() < end:
            text = await client.hget("callguard:signals", call)
            if text:
                snapshot = json.loads(text)
                found[snapshot["at"]] = snapshot["customer"]
            await asyncio.sleep(0.2)
    return sorted(found.items())


def _stored(path: Path) -> dict[str, NDArray[np.float64]]:
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["leg"] == "customer"]
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in SIGNALS}


def _difference(live: Series, offline: dict[str, NDArray[np.float64]], name: str) -> float:
    """Median difference of a signal at the best shift: the phone spoke before the tap, nobody knows how long."""
    start = live[0][0]
    at = np.array([time - start for time, _ in live])
    heard = np.array([np.nan if facts.get(name) is None else facts[name] for _, facts in live], dtype=np.float64)
    column = offline[name]
    shifts = np.arange(0, round(LATEST_START_S / 0.1))
    places = np.clip(np.round(at[None, :] / 0.1).astype(int) + shifts[:, None], 0, len(column) - 1)
    differences = np.nanmedian(np.abs(column[places] - heard[None, :]), axis=1)
    return float(np.min(differences))
