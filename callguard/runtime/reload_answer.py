"""The answer to a reload: the service writes it beside its pid file, and the command line that asked reads it."""

import json
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

LOOK_S: Final = 0.05
"""Seconds between two looks of the command line for the answer."""


@dataclass(frozen=True, slots=True)
class ReloadAnswer:
    """The outcome of a reload: whether the new configuration is in force.

    `problems`: why it was refused, or which parts could not apply it. `needs_restart`: changed keys that only a restart
    puts in force.
    """

    accepted: bool
    problems: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    rules: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Identifier that differs between two answers."""


def answer_file(pid_file: Path) -> Path:
    """Return the file of the answer."""
    return pid_file.with_suffix(".reload")


def write_answer(pid_file: Path, answer: ReloadAnswer) -> None:
    """Write an answer whole or not at all, so that no reader finds half of it. Raises OSError."""
    target = answer_file(pid_file)
    draft = target.with_suffix(".reload.new")
    draft.write_text(json.dumps(asdict(answer)), "utf-8")
    draft.replace(target)


def read_answer(pid_file: Path) -> ReloadAnswer | None:
    """Return the newest answer; None when there is no readable one."""
    with suppress(OSError, ValueError, TypeError, LookupError):
        facts = json.loads(answer_file(pid_file).read_text("utf-8"))
        return ReloadAnswer(
            accepted=bool(facts["accepted"]),
            problems=tuple(facts["problems"]),
            needs_restart=tuple(facts["needs_restart"]),
            rules=int(facts["rules"]),
            id=str(facts["id"]),
        )
    return None


def wait_for_answer(pid_file: Path, before: ReloadAnswer | None, timeout_s: float) -> ReloadAnswer | None:
    """Wait for an answer that is newer than `before`; return None when none came in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = read_answer(pid_file)
        if answer is not None and (before is None or answer.id != before.id):
            return answer
        time.sleep(LOOK_S)
    return None
