"""Whoever lacks a right makes the PBX dial nobody, on a real Asterisk with `callguard run`."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callguard.authority.signature import signed
from callguard.bus.ask import unsigned
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.lab.remote import Remote
from tests.asterisk.harness.talk import console
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.service import LOUD_RULE, Service
from tests.integration.harness.tones import Voices

KEY = "a-key-for-a-program-of-the-tests"
STRANGER = "Local/202@phones"


def by_crm(text: str) -> dict[str, str]:
    return signed("crm", KEY, time.time(), text)


async def channels(lab: Lab) -> set[str]:
    """Names of the PBX's channels, but for the ears of taps."""
    names = {each.split(" ")[1] for each in await leftovers(lab.pbx) if each.startswith("channel ")}
    return {name for name in names if not name.startswith("Snoop/")}


async def test_a_command_beyond_its_rights_dials_nobody(
    lab: Lab, redis_url: str, voices: Voices, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY)
    sections: dict[str, Any] = {
        "redis": {"trust": "signed", "senders": {"crm": {"role": "manager", "key": {"file": str(tmp_path / "key")}}}},
        "analysis": {"queues": {"support": {"team": "floor"}}},
        "supervisors": [
            {"name": "lead", "endpoint": "PJSIP/supervisor1", "teams": ["floor"]},
            {"name": "outsider", "endpoint": "PJSIP/supervisor2", "teams": ["shop"]},
            {"name": "listener", "endpoint": "PJSIP/supervisor3", "role": "qa"},
        ],
    }
    async with Service(lab, redis_url, tmp_path / "service", rules=LOUD_RULE, **sections) as service:
        customer = await lab.farm.phone("customer1").call(QUEUE, voices.tone(700, dbfs=-50.0))
        await lab.farm.phone("agent1").answered()
        call = (await service.wait_for("call.started"))["subject"]
        before = await channels(lab)

        async def attempt(action: str, sign: Callable[[str], dict[str, str]] = by_crm, **fields: Any) -> str:
            answer = await service.command(action, sign=sign, call=call, **fields)
            assert (answer["ok"], answer["reason"]) == (False, "forbidden"), answer
            assert await channels(lab) == before
            return str(answer["missing"])

        assert "a signature" in await attempt("barge", unsigned, supervisor="lead")
        assert STRANGER in await attempt("barge", supervisor=STRANGER)
        assert "'boss' is none" in await attempt("listen", supervisor="boss")
        assert "team 'floor'" in await attempt("whisper", supervisor="outsider")
        assert "right 'takeover'" in await attempt("takeover", supervisor="listener")
        assert "right 'opt_out'" in await attempt("opt_out", supervisor="lead")

        phone = lab.farm.phone("supervisor3")
        joined = await service.command("listen", call=call, supervisor="listener", sign=by_crm)
        assert joined["ok"], joined
        listener = await phone.answered()
        await listener.dtmf("6")
        refused = await service.wait_for("command.failed", door="keys")
        assert (refused["data"]["sender"], refused["data"]["action"]) == ("listener", "set_mode")
        assert service.of("supervision.mode_changed") == []
        status, printed = await service.cli("stop", call)
        assert status == 0, printed
        await listener.ended.wait()
        assert (await service.wait_for("command.completed", door="cli"))["data"]["right"] == "stop"
        await customer.hangup()


FORBIDDEN_ACTIONS: list[dict[str, str]] = [
    {"Action": "Originate", "Channel": STRANGER, "Application": "Echo"},
    {"Action": "Command", "Command": "core show version"},
    {"Action": "GetConfig", "Filename": "manager.conf"},
    {"Action": "UpdateConfig", "SrcFilename": "a", "DstFilename": "b"},
    {"Action": "DBPut", "Family": "a", "Key": "b", "Val": "c"},
    {"Action": "ModuleLoad", "LoadType": "reload"},
]


async def test_asterisks_users_reach_no_further_than_the_page_says(lab: Lab) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.pbx.ports.ami)

    async def ask(**fields: str) -> str:
        writer.write("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n")
        while True:
            if b"Response: " in (answer := await reader.readuntil(b"\r\n\r\n")):
                return answer.decode()

    login = {"Username": "callguard", "Secret": lab.pbx.ami.secret, "Events": "off"}
    assert "Success" in await ask(Action="Login", **login)
    for fields in FORBIDDEN_ACTIONS:
        assert "Permission denied" in await ask(**fields), fields
    assert "Forbidden" in await ask(Action="Getvar", Variable="SHELL(id)")
    writer.close()

    remote = Remote(lab.pbx)
    try:
        for function in ("SHELL(id)", "FILE(/etc/passwd)"):
            assert (await remote.ask("GET", "asterisk/variable", variable=function))["value"] == ""
    finally:
        await remote.close()
    for extension, known in (("u9092", True), ("u90x2", False), ("u9092x", False), ("201", False)):
        shown = await console(lab, f"dialplan show {extension}@callguard-tap")
        assert ("AudioSocket" in shown) == known, shown
