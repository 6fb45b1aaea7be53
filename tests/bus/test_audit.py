"""The audit stream is a chain: whatever is changed in it shows."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from callguard.bus import audit
from callguard.bus.keys import ENTRY_FIELD
from callguard.bus.streams import Entry, entries
from callguard.contracts.cards import HandoffCard
from callguard.contracts.events import SupervisionEnded, SupervisionStarted, envelope

STREAM = "callguard:audit"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def ended(session: str):
    event = SupervisionEnded(
        call="1", session=session, supervisor="Ann", mode="whisper", reason="supervisor_left", lasted_s=3.5
    )
    return envelope(event, "n1")


async def test_what_was_inferred_of_a_caller_is_not_kept_for_ever(client: Redis) -> None:
    joined = SupervisionStarted(
        call="1", session="s", supervisor="Ann", mode="whisper", ring_s=1.0, card=HandoffCard(elapsed_s=3.0)
    )
    await audit.append(client, STREAM, envelope(joined, "n1"))
    (entry,) = await chain(client)
    assert "card" not in entry.fields[ENTRY_FIELD]
    assert audit.verify([entry]).broken_at is None


async def chain(client: Redis) -> list[Entry]:
    return entries(await client.xrange(STREAM))


async def test_each_entry_carries_its_predecessors_hash(client: Redis) -> None:
    for number in range(3):
        await audit.append(client, STREAM, ended(f"s{number}"))

    written = await chain(client)
    assert [entry.fields["previous"] for entry in written] == [
        audit.GENESIS,
        written[0].fields["hash"],
        written[1].fields["hash"],
    ]
    assert audit.verify(written) == (3, None)


async def test_a_delivery_repeated_after_a_lost_answer_stands_there_once(client: Redis) -> None:
    twice = ended("s1")
    await audit.append(client, STREAM, twice)
    await audit.append(client, STREAM, ended("s2"))
    await audit.append(client, STREAM, twice)

    assert len(await chain(client)) == 2


async def test_nodes_that_append_at_once_make_one_chain(client: Redis) -> None:
    await asyncio.gather(*(audit.append(client, STREAM, ended(f"s{number}")) for number in range(20)))

    assert audit.verify(await chain(client)) == (20, None)


@pytest.mark.parametrize("tamper", ["change", "remove", "swap"])
async def test_tampering_breaks_the_chain_where_it_happened(client: Redis, tamper: str) -> None:
    for number in range(4):
        await audit.append(client, STREAM, ended(f"s{number}"))
    written = await chain(client)
    if tamper == "change":
        text = written[1].fields[ENTRY_FIELD].replace("Ann", "Bob")
        written[1] = Entry(written[1].id, written[1].fields | {ENTRY_FIELD: text})
    elif tamper == "remove":
        del written[1]
    else:
        written[1], written[2] = written[2], written[1]

    assert audit.verify(written) == (1, written[1].id)


async def test_a_foreign_entry_shows_and_does_not_stop_the_chain(client: Redis) -> None:
    await audit.append(client, STREAM, ended("s1"))
    foreign = await client.xadd(STREAM, {"garbage": "x"})
    await audit.append(client, STREAM, ended("s2"))

    written = await chain(client)
    assert len(written) == 3
    assert audit.verify(written).broken_at == foreign


async def test_a_chain_whose_old_end_was_archived_still_holds(client: Redis) -> None:
    for number in range(5):
        await audit.append(client, STREAM, ended(f"s{number}"))
    await client.xtrim(STREAM, maxlen=2, approximate=False)

    assert audit.verify(await chain(client)) == (2, None)


def test_every_listen_whisper_barge_and_command_is_audited() -> None:
    assert audit.is_audited("io.callguard.supervision.started.v1")
    assert audit.is_audited("io.callguard.supervision.mode_changed.v1")
    assert audit.is_audited("io.callguard.command.failed.v1")
    assert not audit.is_audited("io.callguard.tap.opened.v1")
