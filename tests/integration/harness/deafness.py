"""Print how often a real client stays deaf when a call's first tap comes some time after the join.

Usage: python -m tests.integration.harness.deafness [baresip|pjsua|asterisk] [CALLS] [SECONDS…]
asterisk: both phones are of the farm, as a trunk to another Asterisk would be.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from callguard.asterisk import native_rtp
from callguard.testbed.lab.lab import Lab
from tests.asterisk.harness.node import Node, config_for, node
from tests.integration.harness.parties import HERTZ, gather
from tests.integration.harness.softphones import softphones
from tests.integration.harness.tones import Voices

NUMBERS = {"agent-soft": "401", "customer-soft": "402"}


async def deaf(kind: str, lab: Lab, running: Node, voices: Voices) -> bool:
    """Whether a party of one call hears the other no more once the call is tapped."""
    if kind == "asterisk":
        return await _deaf_farm(lab, running, voices)
    tones = {"agent-soft": voices.tone(HERTZ["agent"]), "customer-soft": voices.tone(HERTZ["customer"])}
    async with softphones(kind, lab, tones) as phones:
        agent, customer = phones.values()
        await customer.call(NUMBERS["agent-soft"])
        await running.tapped_call()
        heard = await asyncio.gather(agent.listen(), customer.listen())
        await customer.do("hang_up")
        await running.until(lambda: not running.app.calls)
    return heard != [{"customer"}, {"agent"}]


async def _deaf_farm(lab: Lab, running: Node, voices: Voices) -> bool:
    parties = await gather(lab, voices, running, "201")
    stretch = await parties.listen_for()
    await parties.hang_up()
    await running.until(lambda: not running.app.calls)
    return [await parties.heard(name, stretch) for name in ("agent", "customer")] != [{"customer"}, {"agent"}]


async def main(kind: str = "baresip", calls: int = 10, waits_s: tuple[float, ...] = (0.0, 0.1, 0.2, 0.5)) -> None:
    with tempfile.TemporaryDirectory() as folder:
        voices = Voices(Path(folder))
        async with Lab.start(customers=1, agents=2, supervisors=1, softphones=NUMBERS, native_rtp=True) as lab:
            for wait_s in waits_s:
                native_rtp.WAIT_S = wait_s  # type: ignore[misc]  # what the product waits is what is measured here
                async with node(config_for(lab)) as running:
                    found = [await deaf(kind, lab, running, voices) for _ in range(calls)]
                sys.stdout.write(f"{kind}, first tap {wait_s:g} s after the join: {sum(found)} of {calls} calls deaf\n")
                sys.stdout.flush()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(*given[:1], *map(int, given[1:2]), *([tuple(map(float, given[2:]))] if given[2:] else [])))
