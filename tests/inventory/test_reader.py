"""An inventory holds what ARI and AMI tell, and says what they did not; tests/integration asks a real PBX."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from callguard.asterisk.errors import UnreachableError
from callguard.config import Ami, Ari, AsteriskConfig, Secret
from callguard.inventory.pbx import Inventory, Member, Queue
from callguard.inventory.reader import SETTINGS, read_inventory
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari
from tests.inventory.lists import manager

LISTS: dict[str, list[Any]] = {
    "ExtensionStateList": [
        {"Event": "ExtensionStatus", "Exten": "201", "Context": "ext-local", "Hint": "PJSIP/201&Custom:DND201"}
    ],
    "QueueStatus": [
        {"Event": "QueueParams", "Queue": "support"},
        {
            "Event": "QueueMember",
            "Queue": "support",
            "Name": "Ann",
            "Location": "Local/201@from-queue/n",
            "StateInterface": "hint:201@ext-local",
        },
        {"Event": "QueueParams", "Queue": "empty"},
    ],
    "ShowDialPlan": [{"Event": "ListDialplan", "Context": "from-internal"}, {"Event": "ListDialplan", "Context": "x"}],
    "Parkinglots": [{"Event": "Parkinglot", "Name": "default"}],
}


@pytest_asyncio.fixture
async def ari(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeAri]:
    for name in ("FAKE_ARI_PASSWORD", "FAKE_AMI_SECRET"):
        monkeypatch.setenv(name, "x")
    async with fake_ari() as fake:
        fake.answer("GET", "/asterisk/info", {"system": {"version": "22.10.1"}})
        fake.answer("GET", "/asterisk/modules", [{"name": "a.so", "status": "Running"}, {"name": "b.so"}])
        listed = [("201", "online"), ("acme", "offline"), ("new", "unknown")]
        phones = [{"technology": "PJSIP", "resource": name, "state": state} for name, state in listed]
        fake.answer("GET", "/endpoints", [*phones, {"technology": "IAX2", "resource": "old", "state": "unknown"}])
        settings(fake, "endpoint/201", context="from-internal", callerid='"Ann" <201>', auth="201", aors="201")
        settings(fake, "endpoint/acme", context="from-acme", auth="", identify_by="username,ip", aors="none, acme")
        settings(fake, "aor/acme", contact="sip:192.0.2.7")
        fake.answer("GET", f"{SETTINGS}/aor/201", [])
        for missing in ("endpoint/new", "aor/none"):
            fake.answer("GET", f"{SETTINGS}/{missing}", status=404)
        yield fake


def settings(fake: FakeAri, name: str, **pairs: str) -> None:
    listed = [{"attribute": key, "value": value} for key, value in pairs.items()]
    listed.append({"attribute": "set_var", "value": "CALLGUARD_ROLE=agent"})
    fake.answer("GET", f"{SETTINGS}/{name}", listed)


async def read(fake: FakeAri, port: int = 1, *, enabled: bool = True) -> Inventory:
    ami = Ami(enabled=enabled, port=port, secret=Secret(env="FAKE_AMI_SECRET"))
    return await read_inventory(AsteriskConfig(ari=fake.config(), ami=ami))


async def test_endpoints_are_read_with_state_context_and_signs_of_a_trunk(ari: FakeAri) -> None:
    found = await read(ari, enabled=False)
    by_name = {endpoint.name: endpoint for endpoint in found.endpoints}
    ann, acme = by_name["PJSIP/201"], by_name["PJSIP/acme"]
    assert (ann.reachable, ann.context, ann.number, ann.person) == (True, "from-internal", "201", "Ann")
    assert ann.variables == (("CALLGUARD_ROLE", "agent"),)
    assert ann.trunk == ""
    assert acme.reachable is False
    assert "192.0.2.7" in acme.trunk
    assert by_name["PJSIP/new"].reachable is None
    assert "IAX2/old" in by_name
    assert found.asterisk == "22.10.1"
    assert found.modules == {"a.so"}


async def test_nothing_is_changed_and_no_password_is_read(ari: FakeAri) -> None:
    await read(ari, enabled=False)
    assert {method for method, _, _ in ari.requests} == {"GET"}
    assert not [path for _, path, _ in ari.requests if "/auth/" in path]


async def test_queues_members_contexts_and_parking_are_read(ari: FakeAri) -> None:
    async with manager(LISTS) as port:
        found = await read(ari, port)
    ann = Member("Local/201@from-queue/n", "Ann", "PJSIP/201", "the hint of extension 201")
    assert found.queues == (Queue("empty"), Queue("support", (ann,)))
    assert found.contexts == {"from-internal", "x"}
    assert found.parking == ("default",)
    assert found.unread == ()


async def test_what_a_right_is_missing_for_is_told(ari: FakeAri) -> None:
    async with manager({"QueueStatus": LISTS["QueueStatus"]}) as port:
        found = await read(ari, port)
    assert found.queues is not None
    assert found.contexts is None
    assert "contexts of the dialplan were not read: ShowDialPlan: Permission denied" in found.unread


async def test_a_manager_that_is_away_or_switched_off_is_told(ari: FakeAri) -> None:
    away, off = await read(ari, 1), await read(ari, enabled=False)
    assert away.queues is off.queues is None
    assert "127.0.0.1:1" in away.unread[0]
    assert "asterisk.ami.enabled" in off.unread[0]
    assert len(away.endpoints) == 4


async def test_a_missing_secret_of_ami_is_told(ari: FakeAri) -> None:
    ami = Ami(secret=Secret(env="NOT_SET_ANYWHERE"))
    found = await read_inventory(AsteriskConfig(ari=ari.config(), ami=ami))
    assert "NOT_SET_ANYWHERE" in found.unread[0]


async def test_an_ari_that_is_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    ari = Ari(url="http://127.0.0.1:1", password=Secret(env="FAKE_ARI_PASSWORD"))
    with pytest.raises(UnreachableError):
        await read_inventory(AsteriskConfig(ari=ari))
