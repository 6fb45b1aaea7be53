"""After an opt-out the events stream holds nothing that was inferred of the call."""

import pytest
import redis.asyncio

from callguard.bus.erase import erase
from callguard.bus.keys import Keys
from callguard.contracts.events import CallEnded, CommandCompleted, Event, PromptPlayed, envelope

KEYS = Keys()


async def publish(client: redis.asyncio.Redis, *events: Event) -> None:
    for event in events:
        sent = envelope(event, "n1")
        await client.xadd(KEYS.events, {"event": sent.to_json(), "type": sent.type, "call": sent.subject or ""})


async def kept(client: redis.asyncio.Redis) -> list[str]:
    return [f"{f['call']} {f['type'][13:-3]}" for _, f in await client.xrange(KEYS.events)]


def prompt(call: str) -> PromptPlayed:
    return PromptPlayed(call=call, prompt="slow-down")


def end(call: str, reason: str) -> CallEnded:
    return CallEnded(call=call, mode="raised_voice", duration_s=1.0, reason=reason)


async def test_what_was_before_the_opt_out_goes_and_the_rest_stays(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        asked = CommandCompleted(call="1", command="c", action="whisper")
        await publish(client, prompt("1"), prompt("2"), asked, end("1", "opt_out"), prompt("1"))
        assert await erase(client, KEYS, "1") == 1
        assert await kept(client) == ["2 prompt.played", "1 command.completed", "1 call.ended", "1 prompt.played"]


async def test_a_call_that_only_hung_up_keeps_its_events(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        await publish(client, prompt("1"), end("1", "hangup"))
        assert await erase(client, KEYS, "1") == 0
        assert len(await kept(client)) == 2


async def test_a_long_stream_is_searched_to_its_end(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callguard.bus.streams.PAGE", 7)
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        await publish(client, *(prompt(str(n % 2)) for n in range(50)), end("1", "opt_out"))
        assert await erase(client, KEYS, "1") == 25
        assert set(await kept(client)) == {"0 prompt.played", "1 call.ended"}
