"""A floor under a script: a simulated PBX and its people, a whole node, and the story that the node's events tell."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest
import redis.asyncio
import yaml

from callguard.audio import ingest
from callguard.bus.keys import COMMAND_FIELDS, EVENT_FIELD, TYPE_FIELD, Keys
from callguard.bus.streams import read_after
from callguard.config import load_config
from callguard.contracts.events import PREFIX
from callguard.control import service as app
from callguard.testbed.simulator.director import Director
from callguard.testbed.simulator.objects import Phone
from callguard.testbed.simulator.scenario import Scenario
from callguard.testbed.simulator.server import Simulator
from tests.acceptance.harness import media
from tests.acceptance.harness.valkey import Valkey

PASSWORD = "simulated"
VALKEY_PORT = 6379
LOOK_S = 0.02
"""How often a condition is looked at: once a frame of the PBX."""
PATIENCE_S = 120.0
KEYS = Keys()
Event = dict[str, Any]
"""A CloudEvent as it stands in the stream."""


class Floor:
    """Enter it within `loop.on_the_clock`; the script begins at once.

    Args:
        rules: as in a rule file.
        phones: of a scenario; PJSIP/NAME by its name.
        calls, weather: of a scenario.
        sections: of callguard.yaml.

    Attributes:
        events: all that the stream holds, oldest first.
    """

    def __init__(
        self,
        folder: Path,
        redis_url: str,
        rules: Sequence[Any],
        *,
        phones: dict[str, Any],
        calls: Sequence[Any],
        weather: Sequence[Any] = (),
        **sections: Any,
    ) -> None:
        self.events: list[Event] = []
        self.simulator = Simulator(password=PASSWORD)
        self._folder, self._rules, self._sections = folder, list(rules), sections
        people = {f"PJSIP/{name}": how for name, how in phones.items()}
        script = {"title": "A test", "phones": people, "calls": calls, "weather": weather}
        self._scenario = Scenario.model_validate(script)
        self._listener = asyncio.get_running_loop().listen(VALKEY_PORT, Valkey(redis_url))  # type: ignore[attr-defined]
        self._redis = redis.asyncio.Redis(port=VALKEY_PORT, decode_responses=True)
        self._commands = count(1)
        self._stack, self._node = AsyncExitStack(), AsyncExitStack()

    async def __aenter__(self) -> Self:
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("CALLGUARD_ARI_PASSWORD", PASSWORD)
        patch.setattr(app, "WorkerPool", media.Workers)
        patch.setattr(ingest, "Streams", media.Streams)
        await self._stack.enter_async_context(self.simulator)
        self._director = Director(self.simulator, self._scenario, self._folder)
        self._stack.push_async_callback(self._redis.aclose)
        self._follow()
        self._path = self._configure()
        await self._stack.enter_async_context(self._node)
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self._listener.close()

    async def _start(self) -> None:
        service = app.Service(load_config(self._path), self._path)
        await self._node.enter_async_context(service)
        await self.until(lambda: service.ari.ready)

    def _configure(self) -> Path:
        settings = {
            "asterisk": {"ari": {"url": self.simulator.url}, "ami": {"enabled": False}},
            "media": {"audiosocket_port": 0, "legs_per_worker": 8},
            "roles": {"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]},
            "rules": {"files": ["rules.yaml"]},
            "redis": {"url": f"redis://127.0.0.1:{VALKEY_PORT}/0", "trust": "loopback"},
            "console": {"enabled": False},
            "journal": {"folder": str(self._folder / "state")},
        }
        (self._folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "test", "rules": self._rules}]}))
        path = self._folder / "callguard.yaml"
        path.write_text(yaml.safe_dump(settings | self._sections))
        return path

    def _follow(self) -> None:
        task = asyncio.create_task(self._read())
        self._stack.callback(task.cancel)

    async def _read(self) -> None:
        position = "0-0"
        while True:
            for entry in await read_after(self._redis, KEYS.events, position, block_ms=1000):
                position = entry.id
                self.events.append(json.loads(entry.fields[EVENT_FIELD]))

    # --- what a script does ---

    def phone(self, name: str) -> Phone:
        """The phone PJSIP/NAME."""
        return self.simulator.phones[f"PJSIP/{name}"]

    async def command(self, action: str, **facts: Any) -> Event:
        """Put a command on the stream; return its answer's data."""
        identifier = f"command-{next(self._commands)}"
        text = json.dumps({"id": identifier, "action": action} | facts)
        await self._redis.xadd(KEYS.commands, {COMMAND_FIELDS[0]: text})
        await self.until(lambda: self.of("command.", command=identifier))
        return self.of("command.", command=identifier)[0]["data"]  # type: ignore[no-any-return]

    async def restart(self) -> None:
        """End the node in good order and start it again; the PBX goes on."""
        await self._node.aclose()
        await self._start()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Let time go on until a condition is met."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {self.story()}"
            await asyncio.sleep(LOOK_S)

    async def seen(self, kind: str, **facts: Any) -> Event:
        """Let time go on until an event of this kind and data is in the stream; return it."""
        await self.until(lambda: self.of(kind, **facts))
        return self.of(kind, **facts)[0]

    async def at(self, moment: float) -> None:
        """Let time go on until so many seconds after the first alert fired."""
        fired = await self.seen("alert.fired")
        await asyncio.sleep(seconds(fired) + moment - time.time())

    async def over(self) -> None:
        """Let time go on until every call has ended; a second later nothing may be left of them in the PBX."""
        await self.until(lambda: self._director.over)
        await asyncio.sleep(1.0)
        exchange = self.simulator.exchange
        assert (exchange.channels, exchange.bridges, exchange.playbacks) == ({}, {}, {})

    # --- what came of it ---

    async def stored(self) -> list[str]:
        """Types of the events that the stream holds now."""
        entries: Any = await self._redis.xrange(KEYS.events)
        return [_kind(fields[TYPE_FIELD]) for _, fields in entries]

    async def listed(self, name: str) -> dict[str, Event]:
        """A list that programs read, by key: calls, alerts."""
        held: Any = await self._redis.hgetall(f"{KEYS.prefix}{name}")
        return {key: json.loads(text) for key, text in held.items()}

    def of(self, kind: str, **facts: Any) -> list[Event]:
        """All events whose type begins so (`alert.fired`) and whose data hold these facts."""
        told = [event for event in self.events if _kind(event["type"]).startswith(kind)]
        return [event for event in told if facts.items() <= event["data"].items()]

    def story(self, *kinds: str) -> list[tuple[float, str]]:
        """Events whose types begin so, in words, by seconds since the first alert fired."""
        told = [event for event in self.events if _kind(event["type"]).startswith(kinds)]
        zero = next((seconds(event) for event in self.of("alert.fired")), 0.0)
        return [(round(seconds(event) - zero, 2), words(event)) for event in told]


def seconds(event: Event) -> float:
    """When it happened, Unix time."""
    return datetime.fromisoformat(event["time"]).timestamp()


def words(event: Event) -> str:
    """An event in a few words: what, which or who, how."""
    data, kind = event["data"], _kind(event["type"])
    facts = [str(data[name]) for name in FACTS if data.get(name)]
    flags = [name for name in FLAGS if data.get(name)]
    return " ".join([kind, *facts, *flags])


def _kind(wire_name: str) -> str:
    return wire_name.removeprefix(PREFIX).rpartition(".")[0]


FACTS = ("rule", "supervisor", "by", "tier", "verdict", "reason")
FLAGS = ("shadow", "merged", "silenced_by", "inhibited_by", "played")
