"""Whoever sends a command gets its own answer, or hears in time that none came."""

import asyncio
import json
import time

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.bus.ask import ask
from callguard.bus.client import connect
from callguard.bus.keys import Keys
from callguard.config import Redis as RedisConfig
from callguard.contracts.commands import Command
from callguard.contracts.events import CommandCompleted, CommandFailed, Envelope, Event, PromptPlayed, envelope
from callguard.testbed.valkey import StoppableValkey

KEYS = Keys()
STOP = Command(id="mine", action="stop", call="1")


async def publish(client: Redis, *events: Event) -> None:
    for event in events:
        sent = envelope(event, "n1")
        await client.xadd(KEYS.events, {"event": sent.to_json(), "type": sent.type, "call": sent.subject or ""})


def completed(command: str) -> CommandCompleted:
    return CommandCompleted(call="1", command=command, action="stop")


async def asked(client: Redis, *events: Event, timeout_s: float = 5.0) -> Envelope | None:
    """Ask, and publish events once the command stands on the stream."""
    waiting = asyncio.create_task(ask(client, KEYS, STOP, timeout_s))
    while not await client.exists(KEYS.commands):
        await asyncio.sleep(0.01)
    await publish(client, *events)
    return await waiting


async def test_the_answer_is_the_one_that_names_the_command(valkey: Redis) -> None:
    answer = await asked(valkey, PromptPlayed(call="1", prompt="x"), completed("other"), completed("mine"))
    assert answer is not None
    assert answer.data["command"] == "mine"
    ((_, fields),) = await valkey.xrange(KEYS.commands)
    assert json.loads(fields["command"]) == {"id": "mine", "action": "stop", "call": "1", "args": {}}


async def test_a_failure_is_an_answer_too(valkey: Redis) -> None:
    answer = await asked(valkey, CommandFailed(call="1", command="mine", action="stop", reason="no call"))
    assert answer is not None
    assert answer.data["reason"] == "no call"


async def test_an_answer_that_stood_there_before_is_not_taken(valkey: Redis) -> None:
    await publish(valkey, completed("mine"))
    assert await ask(valkey, KEYS, STOP, 0.1) is None


async def test_no_answer_in_time_is_none(valkey: Redis) -> None:
    began = time.monotonic()
    assert await asked(valkey, completed("other"), timeout_s=0.3) is None
    assert 0.2 < time.monotonic() - began < 2.0


async def test_a_connection_that_breaks_after_the_command_was_sent_loses_no_answer(
    valkey: Redis, redis_url: str
) -> None:
    async with connect(RedisConfig(url=redis_url)) as ours:
        waiting = asyncio.create_task(ask(ours, KEYS, STOP, 5.0))
        while not await valkey.exists(KEYS.commands):
            await asyncio.sleep(0.01)
        await valkey.client_kill_filter(_type="normal", skipme=True)
        await publish(valkey, completed("mine"))
        assert await waiting is not None


async def test_a_server_that_stays_away_is_told_after_the_time_limit(stoppable_valkey: StoppableValkey) -> None:
    async with connect(RedisConfig(url=stoppable_valkey.url)) as ours, Redis.from_url(stoppable_valkey.url) as other:
        waiting = asyncio.create_task(ask(ours, KEYS, STOP, 0.6))
        while not await other.exists(KEYS.commands):
            await asyncio.sleep(0.01)
        stoppable_valkey.stop()
        with pytest.raises(RedisError):
            await waiting
