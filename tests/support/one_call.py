"""`python -m tests.support.one_call FOLDER`: one call through the service beside a Valkey and a simulated PBX.

Each of the three is a process of its own. Prints the type of each published event, one a line.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import redis
import yaml

from callguard.testbed.valkey import free_port, start_valkey

CALL: Final = """
title: A short loud call
phones:
  PJSIP/customer1: {number: "101", speaker: 3, says: [{voice: raised, for: 5}]}
  PJSIP/agent1: {number: "201", says: [{silence: true, for: 5}], answers_after: 0.2}
calls:
  - {customer: PJSIP/customer1, queue: support, agents: [PJSIP/agent1], actions: [{at: 5, do: hangup}]}
"""
RULE: Final = "groups:\n- name: loud\n  rules:\n  - alert: Loud\n    expr: customer.level_dbfs > -40\n"
CALLGUARD: Final = Path(sys.executable).with_name("callguard")
PASSWORD: Final = "of-one-call"
ENDED: Final = "io.callguard.call.ended.v1"


def main(folder: Path) -> int:
    """Play the call; return the service's exit status."""
    valkey = start_valkey(data_dir=folder / "valkey")
    ari = free_port()
    try:
        return _play(folder, f"redis://127.0.0.1:{valkey.port}/0", ari)
    finally:
        valkey.stop()


def _play(folder: Path, redis_url: str, ari: int) -> int:
    (folder / "call.yaml").write_text(CALL, "utf-8")
    (folder / "loud.yaml").write_text(RULE, "utf-8")
    (folder / "callguard.yaml").write_text(yaml.safe_dump(_settings(folder, redis_url, ari)), "utf-8")
    environment = os.environ | {"CALLGUARD_ARI_PASSWORD": PASSWORD}
    simulate = [CALLGUARD, "simulate", folder / "call.yaml", "--wait", "--port", str(ari)]
    with (
        subprocess.Popen(simulate, env=environment, stdout=subprocess.DEVNULL) as pbx,
        subprocess.Popen([CALLGUARD, "run", "--config", folder / "callguard.yaml"], env=environment) as service,
    ):
        with redis.Redis.from_url(redis_url) as events:
            seen = _types_until_the_end(events)
        print(*seen, sep="\n")
        service.send_signal(signal.SIGTERM)
        pbx.terminate()
    return service.returncode


def _types_until_the_end(events: redis.Redis) -> list[str]:
    seen: list[str] = []
    last, deadline = "0", time.monotonic() + 60
    while ENDED not in seen and time.monotonic() < deadline:
        for _, entries in events.xread({"callguard:events": last}, block=500) or ():
            last = entries[-1][0]
            seen += [fields[b"type"].decode() for _, fields in entries]
    return seen


def _settings(folder: Path, redis_url: str, ari: int) -> dict[str, object]:
    return {
        "node": "isolated",
        "asterisk": {"ari": {"url": f"http://127.0.0.1:{ari}"}, "ami": {"enabled": False}},
        "media": {"audiosocket_port": 0, "legs_per_worker": 16},
        "roles": {"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]},
        "rules": {"files": ["loud.yaml"]},
        "redis": {"url": redis_url},
        "console": {"port": 0},
        "journal": {"folder": str(folder / "state")},
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
