"""The lab: a real PBX and a farm of phones that call each other through it, on loopback."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_DGRAM

from callguard.testbed.lab.farm import Farm
from callguard.testbed.lab.pbx import Pbx
from callguard.testbed.lab.ports import Ports, free_port
from callguard.testbed.lab.root import Installation, asterisk, usual


@dataclass(frozen=True)
class Lab:
    """A running PBX and its phones: customer1… (101…), agent1… (201…), supervisor1… (301…)."""

    pbx: Pbx
    farm: Farm
    folder: Path
    softphones: Mapping[str, int] = field(default_factory=dict)
    """SIP port at which the PBX rings each phone that is not of the farm."""

    @staticmethod
    @asynccontextmanager
    async def start(
        *,
        customers: int = 3,
        agents: int = 3,
        supervisors: int = 3,
        softphones: Mapping[str, str] | None = None,
        native_rtp: bool = False,
        hold_music: Path | None = None,
        installation: Installation | None = None,
    ) -> "AsyncIterator[Lab]":
        """Start both Asterisks, and stop them at the end.

        `softphones`: numbers, by name, of phones that other programs are. `native_rtp` loads the module that our guide
        tells administrators to leave out. Raises AsteriskUnavailable.
        """
        found = installation or asterisk()
        kinds = (("customer", 100, customers), ("agent", 200, agents), ("supervisor", 300, supervisors))
        numbers = {f"{kind}{n}": str(base + n) for kind, base, count in kinds for n in range(1, count + 1)}
        with tempfile.TemporaryDirectory(prefix="callguard-lab-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            at_pbx, at_farm = Ports.free(), Ports.free()
            elsewhere = {phone: free_port(SOCK_DGRAM) for phone in softphones or {}}
            staff = [phone for phone in numbers if phone.startswith("agent")]
            pbx = Pbx(
                *(found, folder / "pbx", at_pbx, at_farm, numbers | dict(softphones or {}), staff),
                elsewhere=elsewhere,
                native_rtp=native_rtp,
                hold_music=hold_music,
            )
            farm = Farm(installation or usual(), folder / "farm", at_farm, at_pbx, numbers)
            try:
                await pbx.start()
                await farm.start()
                yield Lab(pbx, farm, folder, elsewhere)
            finally:
                await farm.stop()
                await pbx.stop()
