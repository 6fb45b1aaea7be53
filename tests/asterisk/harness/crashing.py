"""An AriApp in a process of its own, to be killed without a chance to clean up; joins a supervisor, then says so."""

import asyncio
import sys
from typing import Any

from callguard.asterisk.supervision.session import RingRequest
from callguard.config import Config
from tests.asterisk.harness.node import Node, supervisor
from tests.asterisk.harness.receiver import Receiver


async def main(config: Config, mode: Any) -> None:
    async with Receiver() as receiver:
        running = Node(config, receiver)
        task = asyncio.create_task(running.app.run())
        call = await running.tapped_call()
        await running.app.supervision.ring(RingRequest(call=call.id, supervisors=(supervisor(1),), mode=mode))
        sys.stdout.write("joined\n")
        sys.stdout.flush()
        await task


if __name__ == "__main__":
    asyncio.run(main(Config.model_validate_json(sys.argv[1]), sys.argv[2]))
