"""A command is done once and answered once, whoever asks again."""

import pytest
from redis.asyncio import Redis

from callguard.bus.idempotency import REMEMBER_S, Claim, Idempotency
from callguard.bus.keys import GROUP, Keys
from callguard.contracts.events import CommandCompleted, Envelope, envelope

KEYS = Keys()


def answer() -> Envelope:
    return envelope(CommandCompleted(call="1", command="c", action="stop"), "n1")


def memory(client: Redis, process: str = "p1") -> Idempotency:
    return Idempotency(client, KEYS, process, events_maxlen=1000)


async def given(client: Redis) -> str:
    """Put a command on the stream and hand it to a consumer; return its entry."""
    await client.xgroup_create(KEYS.commands, GROUP, id="0", mkstream=True)
    entry = str(await client.xadd(KEYS.commands, {"command": "{}"}))
    await client.xreadgroup(GROUP, "me", {KEYS.commands: ">"})
    return entry


async def pending(client: Redis) -> int:
    return int((await client.xpending(KEYS.commands, GROUP))["pending"])


async def test_a_new_command_is_to_be_done_and_may_be_claimed_again_by_the_same_process(valkey: Redis) -> None:
    assert await memory(valkey).claim("c", "1-0") is Claim.DO
    assert await memory(valkey).claim("c", "1-0") is Claim.DO
    assert 0 < await valkey.ttl(KEYS.command("c")) <= REMEMBER_S == 86_400


async def test_what_another_process_began_is_interrupted_and_what_another_entry_carries_repeated(valkey: Redis) -> None:
    await memory(valkey, "dead").claim("c", "1-0")
    assert await memory(valkey).claim("c", "1-0") is Claim.INTERRUPTED
    assert await memory(valkey).claim("c", "1-1") is Claim.REPEATED
    assert await memory(valkey, "dead").claim("c", "11-0") is Claim.REPEATED


async def test_an_answered_command_is_a_repetition_for_everybody(valkey: Redis) -> None:
    entry = await given(valkey)
    await memory(valkey).claim("c", entry)
    await memory(valkey).answer("c", entry, answer())
    assert await memory(valkey).claim("c", entry) is Claim.REPEATED
    assert 0 < await valkey.ttl(KEYS.command("c")) <= REMEMBER_S


async def test_an_answer_adds_the_event_acknowledges_the_entry_and_wakes_screens(valkey: Redis) -> None:
    entry, sent = await given(valkey), answer()
    screens = valkey.pubsub()
    await screens.subscribe(KEYS.wake)
    await screens.get_message(timeout=1)
    assert await memory(valkey).answer("c", entry, sent) is True
    ((_, fields),) = await valkey.xrange(KEYS.events)
    assert fields == {"event": sent.to_json(), "type": sent.type, "call": "1"}
    assert await pending(valkey) == 0
    told = await screens.get_message(timeout=1)
    assert told is not None
    assert told["data"] == sent.type
    await screens.aclose()


async def test_an_answer_repeated_is_still_ours_and_stands_once(valkey: Redis) -> None:
    entry, sent = await given(valkey), answer()
    assert [await memory(valkey).answer("c", entry, sent) for _ in range(2)] == [True, True]
    assert await valkey.xlen(KEYS.events) == 1


async def test_the_second_of_two_answers_is_not_sent_and_its_entry_is_done_with(valkey: Redis) -> None:
    entry = await given(valkey)
    assert await memory(valkey).answer("c", "0-1", answer()) is True
    assert await memory(valkey, "p2").answer("c", entry, answer()) is False
    assert await valkey.xlen(KEYS.events) == 1
    assert await pending(valkey) == 0


async def test_answers_keep_the_stream_trimmed(valkey: Redis) -> None:
    small = Idempotency(valkey, KEYS, "p1", events_maxlen=100)
    for number in range(400):
        await small.answer(f"c{number}", "0-1", answer())
    assert 100 <= await valkey.xlen(KEYS.events) < 300


async def test_an_entry_that_needs_no_answer_is_forgotten(valkey: Redis) -> None:
    entry = await given(valkey)
    await memory(valkey).forget(entry)
    assert await pending(valkey) == 0
    assert await valkey.exists(KEYS.events) == 0


@pytest.mark.parametrize("subject", [None, "1"])
async def test_an_answer_without_a_call_names_none(valkey: Redis, subject: str | None) -> None:
    sent = answer().model_copy(update={"subject": subject})
    await memory(valkey).answer("c", await given(valkey), sent)
    ((_, fields),) = await valkey.xrange(KEYS.events)
    assert fields["call"] == (subject or "")
