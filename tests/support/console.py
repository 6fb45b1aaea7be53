"""A console on a free port of loopback, with a handler that notes commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callguard.authority import Asker
from callguard.bus.overview import Overview
from callguard.config import Config, Secret, SupervisorConfig
from callguard.config import Console as ConsoleConfig
from callguard.console import Console
from callguard.console.metrics import Metrics
from callguard.contracts.commands import Command
from callguard.contracts.events import CommandCompleted, CommandFailed, Event, published
from callguard.contracts.messages import CallSnapshot

TOKEN = "console-token"
MISSING = {"forbidden": "team 'shop'"}


class RunningConsole:
    """Everything around a console: feed it events, read its commands."""

    def __init__(self, token: bool = True, **limits: Any) -> None:
        self.overview = Overview()
        self.metrics = Metrics()
        self.commands: list[Command] = []
        self.askers: list[Asker] = []
        self.refuse = ""
        secret = Secret(env="CONSOLE_TOKEN") if token else Secret()
        console = ConsoleConfig.model_validate({"port": 0, "token": secret} | limits)
        people = tuple(SupervisorConfig(name=name, endpoint=f"PJSIP/{name}") for name in ("Ann", "Bob"))
        config = Config(console=console, supervisors=people)
        self.console = Console(config, self.overview, self.submit, self.metrics)

    async def submit(self, command: Command, asker: Asker) -> Any:
        self.commands.append(command)
        self.askers.append(asker)
        if self.refuse:
            return CommandFailed(
                command=command.id, action=command.action, reason=self.refuse, missing=MISSING.get(self.refuse)
            )
        return CommandCompleted(command=command.id, action=command.action, result={"session": "s1"})

    def publish(self, *events: Event) -> None:
        for event in events:
            wrapped = published(event, "n1")
            self.overview.apply(wrapped)
            self.metrics.see(wrapped)
            self.console.see(wrapped)

    def show(self, snapshot: CallSnapshot) -> None:
        self.overview.show(snapshot)
        self.console.show(snapshot)


@asynccontextmanager
async def running_console(
    monkeypatch: pytest.MonkeyPatch, token: bool = True, **limits: int
) -> AsyncIterator[RunningConsole]:
    monkeypatch.setenv("CONSOLE_TOKEN", TOKEN)
    desk = RunningConsole(token, **limits)
    await desk.console.start()
    try:
        yield desk
    finally:
        await desk.console.stop()
