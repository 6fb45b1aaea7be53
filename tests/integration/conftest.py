"""The lab for tests: a real PBX and phones, started once; after each test nothing may be left on the PBX."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.root import AsteriskUnavailable
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.speech import HAVE_RECORDINGS
from tests.integration.harness.tones import Voices

GRACE_S = 5.0


def pytest_report_header() -> str:
    """Say whose voices the calls carry."""
    return f"call voices: {'recordings of people' if HAVE_RECORDINGS else 'synthesised: no speech data here'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs Asterisk, and shares the loop in which the lab lives."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker("asterisk")
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_lab() -> AsyncIterator[Lab]:
    """Both Asterisks, for the session; tests take `lab`."""
    try:
        async with Lab.start() as lab:
            yield lab
    except AsteriskUnavailable as error:
        pytest.skip(str(error))


@pytest_asyncio.fixture(loop_scope="session")
async def lab(running_lab: Lab) -> AsyncIterator[Lab]:
    """The lab. At the end every phone hangs up, and the PBX must then be without a channel and without a bridge."""
    if not running_lab.pbx.running:
        await running_lab.pbx.start()
    yield running_lab
    await running_lab.farm.hang_up_all()
    if not running_lab.pbx.running:
        return
    deadline = asyncio.get_running_loop().time() + GRACE_S
    while (left := await leftovers(running_lab.pbx)) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.1)
    assert not left, f"left behind on the PBX: {', '.join(left)}"


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Voices:
    """Tones to speak with, as WAV files."""
    return Voices(tmp_path_factory.mktemp("voices"))
