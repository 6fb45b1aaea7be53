"""A lab is a real PBX and a farm of phones, on ports of their own, and leaves nothing behind."""

import asyncio
from pathlib import Path

import pytest

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.root import AsteriskUnavailable
from tests.testbed.lab.fake import installation

pytestmark = pytest.mark.asterisk


async def test_both_asterisks_run_with_numbered_phones_and_are_gone_afterwards() -> None:
    try:
        async with Lab.start(customers=2, agents=1, supervisors=1) as lab:
            numbers = {phone.name: phone.number for phone in lab.farm.phones}
            assert numbers == {"customer1": "101", "customer2": "102", "agent1": "201", "supervisor1": "301"}
            ports = [*vars_of(lab.pbx.ports), *vars_of(lab.farm.ports)]
            assert len(set(ports)) == len(ports)
            pids, folder = (lab.pbx.pid, lab.farm.pid), lab.folder
            assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    except AsteriskUnavailable as error:
        pytest.skip(str(error))
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not folder.exists()


def vars_of(ports: object) -> list[int]:
    return [port for port in vars(ports).values() if isinstance(port, int)]


async def test_where_the_pbx_can_not_start_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(AsteriskUnavailable, match="pbx ended while starting"):
        async with Lab.start(installation=installation(tmp_path, "fails")):
            raise AssertionError("unreachable")
    await asyncio.sleep(0)
