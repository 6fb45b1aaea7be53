"""`callguard init` on a PBX as found: from stock files and numeric endpoints to a whisper proved at the phones."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from callguard.config import load_config
from callguard.testbed.lab.found import AGENTS, SUPERVISOR, TRUNK, FoundLab
from callguard.testbed.lab.root import AsteriskUnavailable
from callguard.testbed.lab.tones import RATE, read_wav, tone_dbfs
from tests.integration.harness.tones import Voices

ROOT = Path(__file__).parents[2]
CUSTOMER_HZ, SUPERVISOR_HZ = 440, 1730
HEARD_DBFS, UNHEARD_DBFS = -40.0, -75.0
TEN_MINUTES_S = 600.0


class Newcomer:
    """The commands of somebody who has a PBX and CallGuard's package, and nothing else."""

    def __init__(self, lab: FoundLab) -> None:
        self.folder = lab.folder / "callguard"
        self.config = self.folder / "callguard.yaml"
        self._process: Process | None = None

    @property
    def environment(self) -> dict[str, str]:
        hidden = ("CALLGUARD_ARI_PASSWORD", "CALLGUARD_AMI_SECRET")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        return kept | {"CALLGUARD_CONFIG": str(self.config), "COLUMNS": "160", "OMP_NUM_THREADS": "1"}

    async def cli(self, *words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callguard", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
            cwd=ROOT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 90)
        return process.returncode or 0, out.decode()

    @asynccontextmanager
    async def service(self) -> AsyncIterator[None]:
        """Run the service as the unit does; on a test machine several run, so it takes free ports."""
        config = self.config.read_text()
        config = config.replace("tap: audiosocket", "tap: audiosocket\n  audiosocket_port: 0")
        self.config.write_text(config.replace("port: 8090", "port: 0"))
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "callguard", "run"), stdout=log, stderr=log, env=self.environment, cwd=ROOT
            )
        try:
            yield
        finally:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), 15)

    async def call(self) -> dict[str, Any]:
        """Wait for a call that is heard."""
        for _ in range(60):
            status, out = await self.cli("calls", "--json")
            if status == 0 and (found := json.loads(out)):
                return dict(found[0])
        raise AssertionError(f"no call is heard:\n{out}\n{self.tail()}")

    async def whisper(self, call: str) -> None:
        """Ask for a supervisor as a person does: once more where a busy machine did not manage it in time."""
        for _ in range(3):
            status, out = await self.cli("whisper", call, "--supervisor", f"PJSIP/{SUPERVISOR}")
            if status == 0:
                return
        raise AssertionError(f"{out}\n{self.tail()}")

    def tail(self) -> str:
        """The end of the service's log."""
        return (self.folder / "log").read_text()[-4000:]


@asynccontextmanager
async def found_lab(*, freepbx: bool) -> AsyncIterator[FoundLab]:
    try:
        async with FoundLab.start(freepbx=freepbx) as lab:
            yield lab
    except AsteriskUnavailable as error:
        pytest.skip(str(error))


def loudest(recording: Path) -> float:
    """Return the supervisor's tone in the half second in which it is loudest."""
    halves = range(len(read_wav(recording)) // (RATE // 2))
    return max(tone_dbfs(recording, SUPERVISOR_HZ, half / 2, half / 2 + 0.5) for half in halves)


def answers(lab: FoundLab, redis_url: str, **more: object) -> Path:
    asterisk = {"folder": str(lab.pbx.etc), "command": lab.pbx.command, **more}
    told = {"asterisk": asterisk, "redis": redis_url, "unit": str(lab.folder / "callguard.service")}
    path = lab.folder / "answers.yaml"
    path.write_text(json.dumps(told))  # JSON is YAML
    return path


async def test_answers_alone_lead_to_a_whisper_in_minutes(redis_url: str, voices: Voices) -> None:
    began = time.monotonic()
    async with found_lab(freepbx=False) as lab:
        file = answers(lab, redis_url, install=True, native_rtp="unload")
        told = json.loads(file.read_text())
        told |= {
            "roles": {"others": "ignore", "trunks": "customer"},
            "supervisors": [{"name": "Di", "endpoint": f"PJSIP/{SUPERVISOR}"}],
        }
        file.write_text(json.dumps(told))
        newcomer = Newcomer(lab)
        words = ("init", "--yes", "--answers", str(file), "--folder", str(newcomer.folder))
        status, out = await newcomer.cli(*words)
        assert status == 0, out
        assert "the customer never hears the whisper" in out
        assert f"PJSIP/{SUPERVISOR} rang" in out, f"{out}\n{lab.pbx.tail()}"
        assert "a whisper is proved" in out, out
        assert (newcomer.folder / "secrets.env").stat().st_mode & 0o777 == 0o600

        lab.farm.phone(SUPERVISOR).voice = voices.tone(SUPERVISOR_HZ)
        async with newcomer.service():
            customer = await lab.farm.phone(TRUNK).call("4930555", voices.tone(CUSTOMER_HZ))
            agent = await lab.farm.phone(AGENTS[0]).answered()
            call = await newcomer.call()
            await newcomer.whisper(call["call"])
            supervisor = lab.farm.phone(SUPERVISOR).calls[-1]
            await asyncio.sleep(1.3)
            seconds = time.monotonic() - began
            await customer.hangup()
            await asyncio.wait_for(supervisor.ended.wait(), 10)
        heard, leaked = loudest(await agent.heard()), loudest(await customer.heard())
    print(f"from a PBX as found to a whisper at the agent's phone: {seconds:.0f} s")
    assert heard > HEARD_DBFS
    assert leaked < UNHEARD_DBFS
    assert seconds < TEN_MINUTES_S


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
async def test_a_person_at_a_freepbx_answers_the_questions(redis_url: str) -> None:
    async with found_lab(freepbx=True) as lab:
        newcomer = Newcomer(lab)
        file = answers(lab, redis_url)
        said = await asyncio.to_thread(_converse, newcomer, file)
        assert "a whisper is proved" in said, said
        config = load_config(newcomer.config)
        assert [(rule.channel, rule.role) for rule in config.roles.rules] == [
            ("PJSIP/205-*", "ignore"),
            ("PJSIP/301-*", "ignore"),
            ("PJSIP/20[1-2]-*", "agent"),
            ("PJSIP/acme-out-*", "customer"),
        ]
        assert config.supervisors[0].name == "Di Moss"
        assert config.roles.dial_caller is None
        etc = lab.pbx.etc
        assert "#include extensions_callguard.conf" in (etc / "extensions_custom.conf").read_text()
        assert "callguard" not in (etc / "extensions_additional.conf").read_text()
        assert "callguard" not in (etc / "ari.conf").read_text()


def _converse(newcomer: Newcomer, file: Path) -> str:
    """Answer as a person does: mostly by Enter, with one slip."""
    words = ["-m", "callguard", "init", "--answers", str(file), "--folder", str(newcomer.folder)]
    terminal = pexpect.spawn(
        sys.executable,
        words,
        env=newcomer.environment,
        cwd=str(ROOT),
        encoding="utf-8",
        timeout=40,
        dimensions=(50, 160),
    )
    said = []
    for question, answer in (
        ("Address of Redis", ""),
        ("May init change these files", "yes"),
        ("Agents' phones", "PJSIP/209"),
        ("the PBX has no endpoint PJSIP/209.*Agents' phones", ""),
        ("Supervisors' phones", f"PJSIP/{SUPERVISOR}"),
        ("Name of the supervisor at PJSIP/301.*Di Moss", ""),
        ("Teams of Di Moss", ""),
        ("PJSIP/205: neither agents nor supervisors", ""),
        ("PJSIP/acme-out seem to be trunks", ""),
        ("What is judged", ""),
        ("Who calls in a Dial", ""),
        ("Port of the console", ""),
        ("PJSIP/205.*ignore.*Is this right", ""),
        ("Unload it, now and for good", ""),
        ("systemd unit", ""),
        ("Ring which supervisor's phone", ""),
        ("rang and was answered", None),
    ):
        terminal.expect(f"(?s){question}")
        said.append(terminal.before + terminal.after)
        if answer is not None:
            terminal.expect(":")
            terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0, terminal.before
    return "".join((*said, terminal.before))
