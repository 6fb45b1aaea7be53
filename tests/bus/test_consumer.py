"""Every command is done at most once and answered exactly once, whatever happens in between."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from callguard.authority.asker import unsigned
from callguard.bus.ask import ANSWERS, ask
from callguard.bus.consumer import CommandConsumer
from callguard.bus.keys import GROUP
from callguard.bus.streams import entries
from callguard.config import Redis as RedisConfig
from callguard.contracts.commands import Command, CommandError
from callguard.testbed.valkey import StoppableValkey
from tests.support.bus import WiredBus
from tests.support.commands import Permitting, open_gate
from tests.support.events import supervision_started

COMMANDS = "callguard:commands"


class Floor:
    """A handler that notes what it is asked."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def gate(self, command: str) -> asyncio.Event:
        return self.gates.setdefault(command, asyncio.Event())

    async def __call__(self, command: Command) -> dict[str, Any]:
        self.begun.append(command.id)
        if command.id in self.gates:
            await self.gates[command.id].wait()
        if command.call == "nowhere":
            raise CommandError("no call 'nowhere'")
        if command.call == "broken":
            raise ZeroDivisionError
        self.done.append(command.id)
        return {"session": f"s-{command.id}"}


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[WiredBus]:
    bus = WiredBus(RedisConfig(url=redis_url), "n1")
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def consumer(bus: WiredBus, floor: Floor) -> AsyncIterator[CommandConsumer]:
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor))
    await consumer.start()
    yield consumer
    await consumer.stop()


def stop(command: str, call: str = "1") -> Command:
    return Command(id=command, action="stop", call=call)


def whisper(command: str, call: str = "1") -> Command:
    return Command(id=command, action="whisper", call=call, supervisor="Ann")


async def send(bus: WiredBus, command: Command | str, **options: Any) -> None:
    text = command if isinstance(command, str) else command.model_dump_json()
    await bus.client.xadd(COMMANDS, {"command": text}, **options)


async def answers(bus: WiredBus) -> list[dict[str, Any]]:
    read = entries(await bus.client.xrange("callguard:events"))
    return [json.loads(entry.fields["event"])["data"] for entry in read if entry.fields["type"] in ANSWERS]


async def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    async with asyncio.timeout(timeout_s):
        while True:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.02)


async def until_answered(bus: WiredBus, count: int, timeout_s: float = 10.0) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]] | None:
        found = await answers(bus)
        return found if len(found) >= count else None

    found = await until(enough, timeout_s)
    await asyncio.sleep(0.2)
    assert len(await answers(bus)) == count, "an answer too many"
    return found


async def pending(bus: WiredBus) -> int:
    return (await bus.client.xpending(COMMANDS, GROUP))["pending"]


async def test_a_command_is_answered_by_one_event_that_names_it(bus: WiredBus, consumer: CommandConsumer) -> None:
    answer = await ask(bus.client, bus.keys, whisper("c1"), 5)

    assert answer is not None
    assert answer.type == "io.callguard.command.completed.v1"
    assert answer.data["command"] == "c1"
    assert answer.data["result"] == {"session": "s-c1"}
    assert answer.data["supervisor"] == "Ann"
    assert len(await answers(bus)) == 1
    assert await pending(bus) == 0


async def test_a_refusal_says_why(bus: WiredBus, consumer: CommandConsumer) -> None:
    answer = await ask(bus.client, bus.keys, stop("c1", "nowhere"), 5)

    assert answer is not None
    assert answer.type == "io.callguard.command.failed.v1"
    assert answer.data["reason"] == "no call 'nowhere'"


async def test_a_handler_that_breaks_is_answered_and_the_next_command_is_done(
    bus: WiredBus, consumer: CommandConsumer, floor: Floor
) -> None:
    broken = await ask(bus.client, bus.keys, stop("c1", "broken"), 5)
    await ask(bus.client, bus.keys, stop("c2", "broken2"), 5)

    assert broken is not None
    assert broken.data["reason"] == "internal error; the log of node n1 says more"
    assert floor.done == ["c2"]


async def test_a_repeated_identifier_is_done_and_answered_once(
    bus: WiredBus, consumer: CommandConsumer, floor: Floor
) -> None:
    for _ in range(3):
        await send(bus, stop("c1"))
    await send(bus, stop("c2"))

    await until_answered(bus, 2)
    assert floor.done == ["c1", "c2"]
    assert await pending(bus) == 0


async def test_a_repeated_identifier_is_known_after_a_restart(bus: WiredBus, floor: Floor) -> None:
    for _ in range(2):
        consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor))
        await consumer.start()
        await send(bus, stop("c1"))
        await until(lambda: _all_read(bus))
        await consumer.stop()

    assert floor.done == ["c1"]
    assert len(await answers(bus)) == 1


async def _all_read(bus: WiredBus) -> bool:
    groups = await bus.client.xinfo_groups(COMMANDS)
    return bool(groups) and groups[0]["lag"] == 0 and groups[0]["pending"] == 0


async def test_a_consumer_remembers_no_entry_that_is_done_with(bus: WiredBus, consumer: CommandConsumer) -> None:
    for number in range(3):
        await send(bus, stop(f"c{number}"))
        await send(bus, "garbage")
    await until_answered(bus, 6)
    assert await until(lambda: not consumer._in_flight)


async def test_a_malformed_command_whose_identifier_was_answered_is_acknowledged_without_a_word(
    bus: WiredBus, consumer: CommandConsumer
) -> None:
    await send(bus, stop("c1"))
    await until_answered(bus, 1)
    await send(bus, '{"id": "c1", "action": "nonsense"}')

    async def nothing_pends() -> bool:
        return not (await bus.client.xpending(COMMANDS, "callguard"))["pending"]

    assert await until(lambda: not consumer._in_flight)
    assert await until(nothing_pends)
    assert len(await answers(bus)) == 1


async def test_garbage_is_answered_and_never_stops_the_consumer(bus: WiredBus, consumer: CommandConsumer) -> None:
    for text in ("{", "[]", '{"id":"m1","action":"shout"}', '{"id":"m2","action":"listen"}', "x" * 70_000):
        await send(bus, text)
    await bus.client.xadd(COMMANDS, {"nonsense": "1"})
    await bus.client.xadd(COMMANDS, {"command": b"\xff\xfe{"})
    await send(bus, stop("c1"))

    found = await until_answered(bus, 8)
    by_command = {answer.get("command"): answer for answer in found}
    assert "shout" not in by_command["m1"]["reason"]
    assert by_command["m1"]["action"] == "shout"
    assert "needs 'call'" in by_command["m2"]["reason"]
    assert "result" in by_command["c1"]
    assert sum(answer["command"] is None for answer in found) == 5
    assert await pending(bus) == 0


@pytest.mark.parametrize("name", ["command", "event", "data"])
async def test_the_json_may_stand_in_any_of_three_fields(bus: WiredBus, consumer: CommandConsumer, name: str) -> None:
    await bus.client.xadd(COMMANDS, {name: stop("c1").model_dump_json()})

    assert (await until_answered(bus, 1))[0]["command"] == "c1"


async def test_commands_of_one_call_run_in_order_and_of_two_calls_at_once(
    bus: WiredBus, consumer: CommandConsumer, floor: Floor
) -> None:
    floor.gate("slow")
    await send(bus, whisper("slow", "1"))
    await send(bus, stop("after", "1"))
    await send(bus, stop("other", "2"))

    await until(lambda: "other" in floor.done and "slow" in floor.begun)
    assert "after" not in floor.begun
    floor.gate("slow").set()
    await until(lambda: floor.done == ["other", "slow", "after"])


async def test_what_a_command_caused_stands_before_its_answer(bus: WiredBus, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_before: list[int] = []
    flush = bus.flush

    async def noted(timeout_s: float) -> None:
        answered_before.append(len(await answers(bus)))
        await flush(timeout_s)

    monkeypatch.setattr(bus, "flush", noted)

    async def handler(command: Command) -> dict[str, Any]:
        bus.publish(supervision_started(command.call or ""))
        return {}

    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(handler))
    await consumer.start()
    await ask(bus.client, bus.keys, whisper("c1"), 5)
    await consumer.stop()

    types = [entry.fields["type"].split(".")[2] for entry in entries(await bus.client.xrange("callguard:events"))]
    assert types == ["supervision", "command"]
    assert answered_before[:1] == [0], "delivered first, answered then"


async def test_answers_are_audited_and_told_to_listeners(bus: WiredBus, consumer: CommandConsumer) -> None:
    told = []
    bus.hub.connect(told.append)
    answer = await ask(bus.client, bus.keys, whisper("c1"), 5)
    await bus.flush(5)
    await until(lambda: bus.client.xlen("callguard:audit"))

    assert [item.id for item in told] == [answer.id]
    (entry,) = entries(await bus.client.xrange("callguard:audit"))
    assert json.loads(entry.fields["entry"])["data"]["supervisor"] == "Ann"


async def test_a_late_join_is_refused_and_a_late_opt_out_is_done(bus: WiredBus, floor: Floor) -> None:
    await send(bus, whisper("late", "1"))
    await send(bus, Command(id="out", action="opt_out", call="2"))
    await asyncio.sleep(0.3)
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor), max_age_s=0.2)
    await consumer.start()

    found = {answer["command"]: answer for answer in await until_answered(bus, 2)}
    await consumer.stop()
    assert found["late"]["reason"] == "expired: it waited longer than 0.2 s"
    assert floor.done == ["out"]


async def test_a_command_that_takes_too_long_is_answered(bus: WiredBus, floor: Floor) -> None:
    floor.gate("c1")
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor), timeout_s=0.2)
    await consumer.start()

    answer = await ask(bus.client, bus.keys, stop("c1"), 5)
    await consumer.stop()
    assert answer is not None
    assert answer.data["reason"] == "timeout: not done within 0.2 s"


async def test_killed_between_doing_and_answering_gives_one_answer_and_no_second_doing(
    bus: WiredBus, redis_url: str, floor: Floor
) -> None:
    """kill -9 in the middle of a command; the restarted node answers it and doesn't do it again."""
    await send(bus, stop("c1"))
    script = (sys.executable, "-m", "tests.support.crash", redis_url, "n1")
    process = await asyncio.create_subprocess_exec(*script)
    assert await process.wait() == -9
    assert await answers(bus) == []

    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor))
    await consumer.start()
    (answer,) = await until_answered(bus, 1)
    await consumer.stop()

    assert answer["reason"].startswith("interrupted")
    assert floor.done == []
    assert await bus.client.lrange("done", 0, -1) == ["c1"]
    assert await bus.client.xinfo_consumers(COMMANDS, GROUP) == []


async def test_a_command_read_but_not_begun_by_a_dead_consumer_is_done_by_another(bus: WiredBus, floor: Floor) -> None:
    await send(bus, stop("c1"))
    await bus.client.xgroup_create(COMMANDS, GROUP, id="0")
    await bus.client.xreadgroup(GROUP, "dead", {COMMANDS: ">"})
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor), dead_after_s=0.4)
    await consumer.start()

    await until_answered(bus, 1)
    assert floor.done == ["c1"]
    await until(lambda: _consumers(bus, ["n1"]))
    await consumer.stop()
    assert await _consumers(bus, [])


async def _consumers(bus: WiredBus, names: list[str]) -> bool:
    return [item["name"] for item in await bus.client.xinfo_consumers(COMMANDS, GROUP)] == names


async def test_a_slow_command_is_not_taken_over_by_another_node(bus: WiredBus, floor: Floor, redis_url: str) -> None:
    floor.gate("c1")
    mine = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor), dead_after_s=0.4)
    await mine.start()
    await send(bus, stop("c1"))
    await until(lambda: floor.begun == ["c1"])
    other_bus = WiredBus(RedisConfig(url=redis_url), "n2")
    other = CommandConsumer(other_bus, "n2", other_bus.hub.tell, open_gate(), Permitting(floor), dead_after_s=0.4)
    await other_bus.start()
    await other.start()
    await asyncio.sleep(1.2)
    floor.gate("c1").set()

    (answer,) = await until_answered(bus, 1)
    await other.stop()
    await other_bus.stop()
    await mine.stop()
    assert "result" in answer
    assert floor.begun == ["c1"]


async def test_stopping_answers_what_runs_and_what_waits(bus: WiredBus, floor: Floor) -> None:
    floor.gate("c1")
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor))
    await consumer.start()
    await send(bus, stop("c1"))
    await send(bus, stop("c2"))
    await until(lambda: floor.begun)
    await asyncio.sleep(0.1)
    await consumer.stop(grace_s=0.1)

    reasons = {answer["command"]: answer["reason"] for answer in await answers(bus)}
    assert reasons["c1"].startswith("interrupted")
    assert reasons["c2"] == "not done: the service is stopping"
    assert await _consumers(bus, [])
    await send(bus, stop("c3"))
    await asyncio.sleep(0.3)
    assert len(await answers(bus)) == 2, "it went on reading"


async def test_stopping_lets_a_running_command_end_within_the_grace(bus: WiredBus, floor: Floor) -> None:
    gate = floor.gate("c1")
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor))
    await consumer.start()
    await send(bus, stop("c1"))
    await until(lambda: floor.begun)
    stopping = asyncio.create_task(consumer.stop(grace_s=60.0))
    await until(lambda: consumer._reader is None)
    await asyncio.sleep(0.05)
    gate.set()
    await stopping
    assert floor.done == ["c1"]
    assert [answer["result"] for answer in await answers(bus)] == [{"session": "s-c1"}]


async def test_an_outage_between_doing_and_answering_gives_one_answer(
    stoppable_valkey: StoppableValkey, floor: Floor
) -> None:
    bus = WiredBus(RedisConfig(url=stoppable_valkey.url), "n1")
    await bus.start()
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor))
    await consumer.start()
    try:
        floor.gate("c1")
        await send(bus, stop("c1"))
        await until(lambda: floor.begun)
        stoppable_valkey.stop()
        floor.gate("c1").set()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(stoppable_valkey.start)
        # Each pooled connection notices the outage at its next use; the test's own reads wait until all have.
        await until(lambda: bus.stats.connected)
        await bus.client.connection_pool.disconnect(inuse_connections=False)
        (answer,) = await until_answered(bus, 1)
        await send(bus, stop("c2"))
        await until_answered(bus, 2)
    finally:
        async with asyncio.timeout(10):
            await consumer.stop()
            await bus.stop()
    assert answer["result"] == {"session": "s-c1"}
    assert floor.done == ["c1", "c2"]


async def test_a_server_that_lost_everything_gets_its_group_back(bus: WiredBus, consumer: CommandConsumer) -> None:
    await ask(bus.client, bus.keys, stop("c1"), 5)
    await bus.client.flushdb()
    await asyncio.sleep(0.1)

    assert await ask(bus.client, bus.keys, stop("c2"), 5) is not None


async def test_the_console_s_commands_take_the_same_way_without_redis(floor: Floor) -> None:
    bus = WiredBus(RedisConfig(url="redis://127.0.0.1:1"), "n1")
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(floor))

    answer = await consumer.submit(stop("c1"), unsigned())

    assert answer.command == "c1"
    assert floor.done == ["c1"]
    assert bus.stats.waiting == 1
