"""Logs go to standard error: text or one JSON object a line, down to the level that was asked for; nobody waits."""

import json
import logging
import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

import pytest

from callguard.config import Logging
from callguard.runtime import logs
from callguard.runtime.logs import DroppingHandler, configure

LINES = 20_000

SCRIPT = """
import logging, structlog
from callguard.config import Logging
from callguard.runtime.logs import configure

configure(Logging(**{settings}))
log = structlog.get_logger("ours")
structlog.contextvars.bind_contextvars(node="n1")
log.debug("quiet")
log.info("said", call="1.1")
logging.getLogger("library").warning("theirs %s", 5)
logging.getLogger("panoramisk").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broke")
configure(Logging(level="error", json_lines=True))
structlog.get_logger("later").info("not said any more")
"""


def run(**settings: Any) -> str:
    code = SCRIPT.replace("{settings}", repr(settings))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_json_lines_carry_level_time_and_context_of_our_own_and_of_libraries_records() -> None:
    lines = [json.loads(line) for line in run(json_lines=True).splitlines()]
    assert [line["event"] for line in lines] == ["said", "theirs 5", "broke"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert all(line["timestamp"].endswith("Z") and line["node"] == "n1" for line in lines)
    assert lines[0]["call"] == "1.1"
    assert "ZeroDivisionError: division by zero" in lines[2]["exception"]


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("info", False)])
def test_text_is_plain_where_nobody_looks_at_a_terminal(level: str, shown: bool) -> None:
    text = run(json_lines=False, level=level)
    assert ("quiet" in text) is shown
    assert "chatter" not in text
    assert "\x1b[" not in text
    assert "ZeroDivisionError: division by zero" in text
    assert "not said any more" not in text


def start(script: str) -> "subprocess.Popen[str]":
    """Run a script whose standard error nobody reads."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


UNREAD = f"""
    import structlog
    from callguard.config import Logging
    from callguard.runtime import logs

    logs.configure(Logging(json_lines=True))
    log = structlog.get_logger()
    for number in range({LINES}):
        log.info("line", number=number)
    print(logs.dropped(), flush=True)
    input() if {{wait}} else None
    log.info("last")
"""


def test_a_process_whose_standard_error_is_not_read_goes_on_and_ends() -> None:
    process = start(UNREAD.format(wait=False))
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        dropped = int(process.stdout.readline())
        assert 0 < dropped < LINES
        assert process.wait(10) == 0


def test_what_was_dropped_is_told_once_somebody_reads_again() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(UNREAD.format(wait=True))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdin, process.stdout, process.stderr:
        dropped = int(process.stdout.readline())
        writes_again = json.loads(process.stderr.readline())
        process.stdin.write("\n")
        process.stdin.flush()
        lines = [writes_again, *(json.loads(line) for line in process.stderr)]
        written = [line["event"] for line in lines if line["event"] in ("line", "last")]
        numbers = [line["number"] for line in lines if line["event"] == "line"]
        assert numbers == sorted(numbers)
        told = [int(line["event"].split()[1]) for line in lines if line["event"].startswith("log_lines_dropped")]
        assert LINES + 1 - len(written) == sum(told) >= dropped
        assert process.wait(10) == 0


def test_every_line_is_written_before_a_process_ends_that_is_read() -> None:
    script = """
        import logging
        from callguard.config import Logging
        from callguard.runtime import logs

        logs.configure(Logging(json_lines=True))
        logs.configure(Logging(json_lines=True))  # as at a reload
        for number in range(1000):
            logging.getLogger("any").warning("line %d", number)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.PIPE, check=True)
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()] == [f"line {n}" for n in range(1000)]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_line_says_what_was_so_when_it_was_logged(pipe: tuple[int, int]) -> None:
    handler = DroppingHandler(pipe[1])
    facts = ["before"]
    handler.handle(logging.makeLogRecord({"msg": "%s", "args": (facts,)}))
    facts.append("after")
    handler.flush()
    assert os.read(pipe[0], 100) == b"['before']\n"
    handler.close()


def test_ending_waits_for_a_reader_no_longer_than_the_limit(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FLUSH_S", 0.2)
    handler = DroppingHandler(pipe[1])
    for _ in range(100):
        handler.handle(logging.makeLogRecord({"msg": "x" * 10_000}))
    started = time.monotonic()
    handler.flush()
    handler.close()
    assert 0.1 < time.monotonic() - started < 2
    while handler._lines.unfinished_tasks:
        if select.select([pipe[0]], [], [], 0.01)[0]:
            os.read(pipe[0], 100_000)


def test_a_replaced_standard_error_is_written_to_directly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    before: tuple[list[Any], int] = root.handlers[:], root.level
    try:
        configure(Logging(json_lines=True))
        root.warning("seen")
        assert logs.dropped() == 0
    finally:
        root.handlers[:], root.level = before
    assert json.loads(capsys.readouterr().err)["event"] == "seen"
