"""The audit stream is a chain: whatever is changed in it shows."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from callguard.bus import audit
from callguard.bus.audit import Audited, Trail
from callguard.bus.keys import ENTRY_FIELD
from callguard.bus.streams import Entry, entries
from callguard.contracts.cards import HandoffCard
from callguard.contracts.events import SupervisionEnded, SupervisionStarted, envelope
from callguard.runtime.anchor import Head, read_anchor

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
    await trail(client).append(envelope(joined, "n1"))
    (entry,) = await chain(client)
    assert "card" not in entry.fields[ENTRY_FIELD]
    assert audit.verify([entry]).broken_at is None


def trail(client: Redis, anchor: Path | None = None, lost: list[str] | None = None) -> Trail:
    return Trail(client, STREAM, anchor, (lost if lost is not None else []).append)


async def chain(client: Redis) -> list[Entry]:
    return entries(await client.xrange(STREAM))


async def test_each_entry_carries_its_predecessors_hash(client: Redis) -> None:
    for number in range(3):
        await trail(client).append(ended(f"s{number}"))

    written = await chain(client)
    assert [entry.fields["previous"] for entry in written] == [
        audit.GENESIS,
        written[0].fields["hash"],
        written[1].fields["hash"],
    ]
    assert audit.verify(written) == Audited(3)


async def test_a_delivery_repeated_after_a_lost_answer_stands_there_once(client: Redis) -> None:
    twice = ended("s1")
    await trail(client).append(twice)
    await trail(client).append(ended("s2"))
    await trail(client).append(twice)

    assert len(await chain(client)) == 2


async def test_nodes_that_append_at_once_make_one_chain(client: Redis) -> None:
    await asyncio.gather(*(trail(client).append(ended(f"s{number}")) for number in range(20)))

    assert audit.verify(await chain(client)) == Audited(20)


@pytest.mark.parametrize("tamper", ["change", "remove", "swap"])
async def test_tampering_breaks_the_chain_where_it_happened(client: Redis, tamper: str) -> None:
    for number in range(4):
        await trail(client).append(ended(f"s{number}"))
    written = await chain(client)
    if tamper == "change":
        text = written[1].fields[ENTRY_FIELD].replace("Ann", "Bob")
        written[1] = Entry(written[1].id, written[1].fields | {ENTRY_FIELD: text})
    elif tamper == "remove":
        del written[1]
    else:
        written[1], written[2] = written[2], written[1]

    assert audit.verify(written) == Audited(1, written[1].id)


async def test_a_foreign_entry_shows_and_does_not_stop_the_chain(client: Redis) -> None:
    await trail(client).append(ended("s1"))
    foreign = await client.xadd(STREAM, {"garbage": "x"})
    await trail(client).append(ended("s2"))

    written = await chain(client)
    assert len(written) == 3
    assert audit.verify(written).broken_at == foreign


async def test_a_chain_whose_old_end_was_archived_still_holds(client: Redis) -> None:
    for number in range(5):
        await trail(client).append(ended(f"s{number}"))
    await client.xtrim(STREAM, maxlen=2, approximate=False)

    written = await chain(client)
    assert audit.verify(written) == Audited(2, None, "3 older entries; archived: 0")
    assert audit.verify(written, archived=3) == Audited(2)


def test_every_listen_whisper_barge_and_command_is_audited() -> None:
    assert audit.is_audited("io.callguard.supervision.started.v1")
    assert audit.is_audited("io.callguard.supervision.mode_changed.v1")
    assert audit.is_audited("io.callguard.command.failed.v1")
    assert not audit.is_audited("io.callguard.tap.opened.v1")


async def acts(client: Redis, count: int, anchor: Path | None = None) -> Head:
    """Write so many acts; return the head."""
    mine = trail(client, anchor)
    for number in range(count):
        await mine.append(ended(f"s{number}"))
    assert mine.head is not None
    return mine.head


async def test_entries_are_numbered_and_the_head_is_kept_outside_of_the_stream(client: Redis, tmp_path: Path) -> None:
    head = await acts(client, 3, tmp_path / "n1.audit")
    written = await chain(client)
    assert [entry.fields["number"] for entry in written] == ["1", "2", "3"]
    assert head == Head(3, written[-1].fields["hash"]) == read_anchor(tmp_path / "n1.audit")
    assert audit.verify(written, [head]) == Audited(3)


@pytest.mark.parametrize("how", ["deleted", "cut at the end", "cut at the start", "rewritten"])
async def test_what_is_gone_from_the_stream_is_missed_by_the_anchor(client: Redis, how: str) -> None:
    head = await acts(client, 4)
    written = await chain(client)
    if how == "deleted":
        written = []
    elif how == "cut at the end":
        written = written[:3]
    elif how == "cut at the start":
        written = written[2:]
    else:
        await client.delete(STREAM)
        for number in range(4):
            await trail(client).append(ended(f"forged{number}"))
        written = await chain(client)
        assert audit.verify(written) == Audited(4), "without an anchor the forgery is perfect"
    missing = "2 older entries; archived: 0" if how == "cut at the start" else f"entry 4 with hash {head.hash}"
    found = audit.verify(written, [head])
    assert found.broken_at is None
    assert missing in (found.missing or "")


async def test_an_anchor_of_archived_entries_is_not_missed(client: Redis) -> None:
    old = await acts(client, 2)
    head = await acts(client, 4)
    await client.xtrim(STREAM, maxlen=1, approximate=False)
    assert audit.verify(await chain(client), [old, head], archived=5) == Audited(1)


@pytest.mark.parametrize("how", ["deleted", "cut at the end"])
async def test_a_node_notices_the_loss_at_once_and_the_gap_stays_visible(
    client: Redis, tmp_path: Path, how: str
) -> None:
    anchor = tmp_path / "n1.audit"
    await acts(client, 3, anchor)
    if how == "deleted":
        await client.delete(STREAM)
    else:
        await client.xdel(STREAM, (await chain(client))[-1].id)
    lost: list[str] = []
    later = trail(client, anchor, lost)
    await later.check()
    assert "lacks entry 3, which was written" in lost[0]
    await later.append(ended("next"))
    written = await chain(client)
    assert written[-1].fields["number"] == "4"
    found = audit.verify(written, [read_anchor(anchor) or Head(0, "")])
    assert found.missing == "3 older entries; archived: 0" if how == "deleted" else found.broken_at == written[-1].id


async def test_a_whole_stream_is_no_loss_however_much_was_written_since(client: Redis, tmp_path: Path) -> None:
    anchor, lost = tmp_path / "n1.audit", list[str]()
    await acts(client, 1, anchor)
    for number in range(1, 80):
        await trail(client).append(ended(f"other{number}"))
    await trail(client, anchor, lost).check()
    await trail(client, anchor, lost).append(ended("mine"))
    assert lost == []
    assert audit.verify(await chain(client)) == Audited(81)


async def test_entries_of_an_earlier_version_are_counted_and_chained(client: Redis) -> None:
    previous = audit.GENESIS
    for number in range(2):
        text = ended(f"old{number}").to_json()
        digest = audit.link(previous, None, text)
        await client.xadd(STREAM, {"previous": previous, "hash": digest, "entry": text})
        previous = digest
    head = await acts(client, 1)
    assert head.entries == 3
    assert audit.verify(await chain(client), [head]) == Audited(3)
