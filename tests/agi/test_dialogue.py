"""A session is read within limits, and what is no FastAGI is told from what is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from callguard.agi.dialogue import HEAD_BYTES, Dialogue, DialogueError
from tests.support.agi import Pbx, head_of

Work = Callable[[Dialogue], Awaitable[None]]


class Desk:
    """Opens a dialogue for each connection and has `work` done in it."""

    def __init__(self) -> None:
        self.port = 0
        self.dialogue: Dialogue | None = None
        self.error: DialogueError | None = None
        self.done = asyncio.Event()

        async def nothing(_: Dialogue) -> None:
            return

        self.work: Work = nothing

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.dialogue = await Dialogue.open(reader, writer)
            await self.work(self.dialogue)
        except DialogueError as error:
            self.error = error
        writer.close()
        self.done.set()

    async def told(self, *bytes_: bytes) -> DialogueError | None:
        """Send raw bytes, then close; return the error that they lead to."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for each in bytes_:
            writer.write(each)
        writer.close()
        await asyncio.wait_for(self.done.wait(), 5)
        return self.error


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=HEAD_BYTES)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


async def test_a_head_tells_script_channel_number_and_arguments(desk: Desk) -> None:
    await Pbx().run(desk.port, "/Mode/", "off", "channel=2.7", agi_callerid="unknown")
    dialogue = desk.dialogue
    assert dialogue
    assert (dialogue.script, dialogue.channel, dialogue.number, dialogue.words) == ("mode", "2.7", "", ("off",))
    assert dialogue.elsewhere


async def test_without_an_argument_the_channel_is_the_one_that_runs_the_script(desk: Desk) -> None:
    await Pbx().run(desk.port, "caller")
    assert desk.dialogue
    assert (desk.dialogue.channel, desk.dialogue.number) == ("1.1", "+49301234")
    assert not desk.dialogue.elsewhere


async def test_variables_are_read_and_set_and_no_value_leaves_its_quotes(desk: Desk) -> None:
    read: list[str] = []

    async def work(dialogue: Dialogue) -> None:
        read.extend([await dialogue.variable("CHANNEL(linkedid)"), await dialogue.variable("NONE")])
        await dialogue.set("A", 'x" "y\nSET VARIABLE B "1\\')

    desk.work = work
    pbx = Pbx({"CHANNEL(linkedid)": "7.1"})
    assert await pbx.run(desk.port, "caller") == {"A": "x' 'y SET VARIABLE B '1/"}
    assert read == ["7.1", ""]


async def test_a_hangup_between_two_answers_is_no_answer(desk: Desk) -> None:
    async def work(dialogue: Dialogue) -> None:
        await dialogue.set("A", "1")
        await dialogue.set("B", "2")

    desk.work = work
    assert await Pbx(hangs_up=True).run(desk.port, "outcome") == {"A": "1", "B": "2"}


@pytest.mark.parametrize("answer", ["510 Invalid or unknown command", "nonsense", "", "200 result=-1"])
async def test_what_asterisk_did_not_carry_out_is_an_error(desk: Desk, answer: str) -> None:
    async def work(dialogue: Dialogue) -> None:
        await dialogue.set("A", "1")

    desk.work = work
    await Pbx(answer=answer or " ").run(desk.port, "caller")
    await asyncio.wait_for(desk.done.wait(), 5)
    assert desk.error


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"agi_network: yes\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\n\n",
        b"x: y\n\n",
        b"a" * 100_000,
        b"\xff\xfe\n\n",
    ],
    ids=["nothing", "half", "http", "empty", "stranger", "endless", "binary"],
)
async def test_what_is_no_fastagi_ends_at_once(desk: Desk, words: bytes) -> None:
    assert await desk.told(words)


async def test_a_connection_that_ends_in_mid_session_is_an_error_and_no_loop(desk: Desk) -> None:
    async def work(dialogue: Dialogue) -> None:
        await dialogue.set("A", "1")

    desk.work = work
    assert await desk.told(head_of("caller"))
