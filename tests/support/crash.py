"""A service that is killed with -9 while it carries out a command. Arguments: URL of Redis, name of the node."""

import asyncio
import os
import signal
import sys

from callguard.bus.consumer import CommandConsumer
from callguard.config import Redis as RedisConfig
from tests.support.bus import WiredBus
from tests.support.commands import Permitting, open_gate


async def main(url: str, node: str) -> None:
    bus = WiredBus(RedisConfig(url=url), node)

    async def handler(command):
        await bus.client.rpush("done", command.id)
        os.kill(os.getpid(), signal.SIGKILL)

    await bus.start()
    await CommandConsumer(bus, node, bus.hub.tell, open_gate(), Permitting(handler)).start()
    await asyncio.sleep(30)


asyncio.run(main(*sys.argv[1:]))
