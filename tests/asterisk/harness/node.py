"""One AriApp on the lab's PBX, with a receiver for its media and a record of its events."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from callguard.ari_app import AriApp
from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision.session import Session
from callguard.config import Config, SupervisorConfig
from callguard.contracts.events import Event
from callguard.testbed.lab.lab import Lab
from tests.asterisk.harness.receiver import Receiver

E = TypeVar("E", bound=Event)
SECRETS = {"ari": "TEST_ARI_PASSWORD", "ami": "TEST_AMI_SECRET"}


def config_for(lab: Lab, *, url: str | None = None, app: str = "callguard", **sections: Any) -> Config:
    os.environ[SECRETS["ari"]] = lab.pbx.ari.secret
    os.environ[SECRETS["ami"]] = lab.pbx.ami.secret
    ari = {"url": url or lab.pbx.ari_url, "app": app, "password": {"env": SECRETS["ari"]}}
    ami = {"port": lab.pbx.ports.ami, "secret": {"env": SECRETS["ami"]}}
    media = {"tap": lab.pbx.tap, "connect_timeout_s": 2} | sections.pop("media", {})
    if media["tap"] == "audiosocket" != lab.pbx.tap:
        pytest.skip("this Asterisk has no AudioSocket")
    people = [supervisor(n).model_dump() for n in (1, 2, 3)]
    given = {"roles": {"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]}, "supervisors": people} | sections
    return Config.model_validate({"asterisk": {"ari": ari, "ami": ami}, "media": media, **given})


def supervisor(n: int) -> SupervisorConfig:
    return SupervisorConfig(name=f"boss{n}", endpoint=f"PJSIP/supervisor{n}")


class Node:
    """The app and what it said."""

    def __init__(self, config: Config, receiver: Receiver) -> None:
        self.events: list[Event] = []
        self.verdicts: list[tuple[Session, str]] = []
        self.receiver = receiver
        self.failure: BaseException | None = None
        """Why the app ended by itself."""
        self.app = AriApp(
            config, receiver, self.events.append, on_verdict=lambda *verdict: self.verdicts.append(verdict)
        )
        receiver.on_message = self.app.on_worker_message

    async def run(self) -> None:
        try:
            await self.app.run()
        except Exception as error:
            self.failure = error
            raise

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {timeout_s} s; events: {self.events}"
            await asyncio.sleep(0.02)
        return found

    async def event(self, kind: type[E], n: int = 1, timeout_s: float = 20.0) -> E:
        """Wait for the n-th event of a kind."""
        found: list[E] = await self.until(lambda: self.of(kind) if len(self.of(kind)) >= n else [], timeout_s)
        return found[n - 1]

    async def tapped_call(self) -> Call:
        """Wait until there is one call whose two legs are heard."""
        await self.until(lambda: len([leg for leg in self.receiver.open_legs() if leg.pcm]) == 2)
        (call,) = self.app.calls.values()
        return call


@asynccontextmanager
async def node(config: Config) -> AsyncIterator[Node]:
    async with Receiver(config.media.listen) as receiver:
        running = Node(config, receiver)
        task = asyncio.create_task(running.run())
        try:
            await running.until(lambda: running.app.ready or task.done(), 10)
            yield running
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(ended, asyncio.CancelledError) or ended is running.failure, ended
