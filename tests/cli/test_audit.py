"""`callguard audit` says whether all that was written is there, and exits 1 where it is not."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callguard.bus import publisher
from callguard.config import Redis as RedisConfig
from callguard.contracts.events import AuditAnchored
from callguard.runtime.anchor import Head, anchor_path, read_anchor
from callguard.runtime.journal import Journal
from tests.support.bus import WiredBus
from tests.support.cli import run, write_config
from tests.support.events import supervision_started

NODE = "callguard-1"


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Path:
    return write_config(tmp_path, redis_url)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
async def bus(redis_url: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WiredBus]:
    """A node that has written three entries, and has not published the head."""
    monkeypatch.setattr(publisher, "ANCHOR_S", 1000.0)
    bus = WiredBus(RedisConfig(url=redis_url), NODE, Journal(state / f"{NODE}.journal"))
    await bus.start()
    for number in range(3):
        bus.publish(supervision_started("c1", session=f"s{number}"))
    await bus.flush(5)
    yield bus
    await bus.stop()


def head(state: Path) -> Head:
    return read_anchor(anchor_path(state, NODE)) or Head(0, "")


async def test_a_whole_chain_is_anchored(bus: WiredBus, config: Path) -> None:
    ran = await run(config, "audit")
    assert (ran.code, ran.out) == (0, "3 audit entries, chain unbroken\nanchored at entry 3\n")


async def test_a_removed_entry_breaks_the_chain(bus: WiredBus, config: Path) -> None:
    second = (await bus.client.xrange("callguard:audit"))[1][0]
    await bus.client.xdel("callguard:audit", second)
    ran = await run(config, "audit")
    assert ran.code == 1
    assert "the audit chain is broken at entry" in ran.err


@pytest.mark.parametrize("how", ["deleted", "cut"])
async def test_a_deleted_or_cut_stream_is_missed(bus: WiredBus, config: Path, state: Path, how: str) -> None:
    newest = (await bus.client.xrange("callguard:audit"))[-1][0]
    await (bus.client.delete("callguard:audit") if how == "deleted" else bus.client.xdel("callguard:audit", newest))
    ran = await run(config, "audit")
    left = 0 if how == "deleted" else 2
    assert (ran.code, ran.out) == (1, "")
    assert f"lacks entry 3 with hash {head(state).hash}, which was the newest one; it holds {left} entries" in ran.err
    ran = await run(config, "audit", "--json")
    assert (ran.code, json.loads(ran.out)["entries"], json.loads(ran.out)["anchors"]) == (1, left, [3])


async def test_without_the_nodes_file_a_published_or_noted_head_counts(
    bus: WiredBus, config: Path, state: Path
) -> None:
    noted = head(state)
    anchor_path(state, NODE).unlink()
    ran = await run(config, "audit")
    assert ran.code == 0
    assert "no anchor is known here" in ran.err
    await bus.client.delete("callguard:audit")
    assert (await run(config, "audit", "--anchor", f"3:{noted.hash}")).code == 1
    assert (await run(config, "audit")).code == 0
    bus.publish(AuditAnchored(node=NODE, entries=3, hash=noted.hash))
    await bus.flush(5)
    assert (await run(config, "audit")).code == 1


async def test_archived_entries_are_not_missed(bus: WiredBus, config: Path) -> None:
    await bus.client.xtrim("callguard:audit", maxlen=1, approximate=False)
    ran = await run(config, "audit")
    assert "lacks 2 older entries; archived: 0" in ran.err
    assert (await run(config, "audit", "--archived", "2")).code == 0


async def test_an_anchor_that_is_none_is_told(bus: WiredBus, config: Path) -> None:
    ran = await run(config, "audit", "--anchor", "3")
    assert ran.code == 2
    assert "expected ENTRIES:HASH" in ran.err


async def test_without_redis_it_says_so(tmp_path: Path) -> None:
    ran = await run(write_config(tmp_path, "redis://127.0.0.1:1/0"), "audit")
    assert ran.code == 1
    assert ran.err.startswith("redis: ")
