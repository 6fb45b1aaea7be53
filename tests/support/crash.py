"""A service that is killed with -9 while it carries out a command. Arguments: URL of Redis, name of the node."""

import asyncio
import os
import signal
import sys

from callguard.bus import Bus
from callguard.bus.consumer import CommandConsumer
from callguard.config import Redis as RedisConfig


async def main(url: str, node: str) -> None:
    bus = Bus(RedisConfig(url=url), node)

    async def handler(command):
        await bus.client.rpush("done", command.id)
        os.kill(os.getpid(), signal.SIGKILL)

    await bus.start()
    await CommandConsumer(bus, node, handler).start()
    await asyncio.sleep(30)


asyncio.run(main(*sys.argv[1:]))
