"""The media plane in the test's own process: the real worker, ticked by the loop, reading streams from memory."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from callguard.audio.audiosocket import AudioSocketReceiver, End, identity
from callguard.audio.frames import FRAME_S, HOP_S, Rows
from callguard.config import Config
from callguard.contracts.messages import (
    CallFacts,
    CloseCall,
    CloseLeg,
    FromWorker,
    LegLost,
    LegReady,
    LoadRules,
    NoRoomError,
    OpenLeg,
)
from callguard.control.worker_pool import MediaError
from callguard.history.baselines import KeptBaselines
from callguard.rules import load_rules as parse_rules
from callguard.worker.process import Worker


class Workers:
    """What `workers.WorkerPool` is to the service, with one worker and no process."""

    def __init__(
        self,
        config: Config,
        rules: tuple[tuple[str, str], ...],
        on_message: Callable[[FromWorker], None],
        _: KeptBaselines,
    ) -> None:
        self.dropped = 0
        self._config, self._rules = config, rules
        self._on_message = on_message
        self._opening: dict[str, asyncio.Future[int]] = {}

    async def start(self) -> None:
        self._worker = Worker(self._config, 0, self._rules, self)  # type: ignore[arg-type] # its mailbox
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        self._ticking.cancel()
        await asyncio.wait([self._ticking])

    async def open_leg(self, leg: OpenLeg) -> int:
        self._opening[leg.leg] = asyncio.get_running_loop().create_future()
        self._worker.obey(leg)
        return await self._opening.pop(leg.leg)

    def send(self, _: str, message: CallFacts | CloseCall | CloseLeg) -> None:
        self._worker.obey(message)

    def apply(self, config: Config) -> None:
        """Logging is the test's own."""

    def rule_names(self) -> list[str]:
        return [rule.name for rule in parse_rules(self._rules)]

    def load_rules(self, files: tuple[tuple[str, str], ...]) -> None:
        self._rules = files
        self._worker.obey(LoadRules(files))

    def post(self, message: FromWorker, *, spare: bool = False) -> None:
        """Take a message from the worker."""
        if isinstance(message, LegReady):
            self._opening[message.leg].set_result(message.port)
        elif isinstance(message, LegLost) and message.leg in self._opening:
            kind = NoRoomError if message.reason == "full" else MediaError
            self._opening[message.leg].set_exception(kind(message.reason))
        else:
            asyncio.get_running_loop().call_soon(self._on_message, message)

    async def _tick(self) -> None:
        await asyncio.sleep(FRAME_S / 2)  # between two frames of the PBX: who comes first is no accident
        while True:
            await asyncio.sleep(HOP_S)
            self._worker.tick()


class Streams:
    """What `audio.ingest.streams.Streams` is to the ingest: AudioSocket connections of all legs, by row."""

    def __init__(self, receiver: AudioSocketReceiver, host: str, port: int, *_: object) -> None:
        self.counts: Counter[str] = Counter()
        self._receiver = receiver
        self._rows: dict[bytes, int] = {}
        self._streams: dict[int, Stream] = {}
        self._listener: Any = asyncio.get_running_loop().listen(port, lambda: Stream(self))  # type: ignore[attr-defined]

    @property
    def port(self) -> int:
        return int(self._listener.port)

    def expect(self, row: int, leg: uuid.UUID) -> None:
        self._rows[leg.bytes] = row

    def admit(self, leg: bytes, stream: "Stream") -> None:
        """Take a stream that has named its leg."""
        row = self._rows.pop(leg)
        self._receiver.reset(row)
        self._streams[row] = stream

    def close(self, row: int) -> None:
        stream = self._streams.pop(row, None)
        if stream:
            stream.transport.close()

    def sweep(self, _: float) -> tuple[Rows, dict[int, End]]:
        heard: set[int] = set()
        ended: dict[int, End] = {}
        for row, stream in self._streams.items():
            while stream.came:
                room = self._receiver.room(row)
                part = stream.came[: len(room)]
                room[: len(part)] = part
                del stream.came[: len(part)]
                self._receiver.received(row, len(part))
                heard.add(row)
                ended |= self._receiver.drain(np.array([row]))
            if stream.over:
                ended.setdefault(row, "eof")
        return np.array(sorted(heard), dtype=np.intp), ended

    def shut(self) -> None:
        self._listener.close()


class Stream(asyncio.Protocol):
    """One connection: what has come of it since the last sweep."""

    def __init__(self, streams: Streams) -> None:
        self.came = bytearray()
        self.over = False
        self._streams = streams
        self._named = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.came += data
        if not self._named and (message := identity(bytes(self.came), len(self.came))):
            self._named = True
            self._streams.admit(bytes(self.came[message.start : message.end]), self)
            del self.came[: message.end]

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
