"""A customer and an agent of the lab in conversation, each with a tone of their own."""

import asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.phone import PhoneCall
from tests.integration.harness.tones import Voices

CUSTOMER_HZ, AGENT_HZ, OTHER_HZ = 440, 1000, 1700


async def conversation(lab: Lab, voices: Voices, extension: str = "201") -> tuple[PhoneCall, PhoneCall]:
    lab.farm.phone("agent1").voice = voices.tone(AGENT_HZ)
    customer = await lab.farm.phone("customer1").call(extension, voices.tone(CUSTOMER_HZ))
    return customer, await lab.farm.phone("agent1").answered()


async def console(lab: Lab, command: str) -> str:
    """What the PBX's console answers."""
    program = (*lab.pbx._installation.command, "-C", str(lab.pbx.folder / "etc" / "asterisk.conf"), "-rx", command)
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    answer, _ = await asyncio.wait_for(process.communicate(), 5)
    return answer.decode("utf-8", "replace")


async def set_variable(lab: Lab, channel: str, name: str, value: str) -> None:
    """As the dialplan's Set() does, on a channel by its name; ARI may not, as the channel is not in Stasis."""
    assert f"'{name}' set to '{value}'" in await console(lab, f"dialplan set chanvar {channel} {name} {value}")
