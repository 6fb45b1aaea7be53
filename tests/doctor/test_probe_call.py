"""A test call's objects are made under names of its own, and all are gone at its end."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from callguard.asterisk.client import AriClient
from callguard.config import Config
from callguard.doctor.probe_call import ProbeCall, placed
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


def config(fake: FakeAri) -> Config:
    return Config.model_validate({"asterisk": {"ari": fake.config(timeout_s=1)}})


async def test_the_application_is_another_than_the_services() -> None:
    async with fake_ari() as fake, placed(config(fake)) as call:
        assert call.client.app.startswith("callguard-doctor-")
        assert fake.connections == 1


async def test_a_bridge_may_leave_the_core_only_where_that_is_asked_for_and_goes_at_the_end() -> None:
    async with fake_ari() as fake, AriClient(fake.config()) as client:
        call = ProbeCall(client, config(fake))
        async with AsyncExitStack() as stack:
            kept, free = await call.bridge(stack), await call.bridge(stack, "mixing")
        kinds: list[Any] = [query for method, _, query in fake.requests if method == "POST"]
        assert kinds == [{"type": "mixing,dtmf_events"}, {"type": "mixing"}]
        assert fake.calls()[2:] == [f"DELETE /bridges/{free}", f"DELETE /bridges/{kept}"]
