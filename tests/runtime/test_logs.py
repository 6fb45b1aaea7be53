"""Logs go to standard error: text or one JSON object a line, down to the level that was asked for."""

import json
import subprocess
import sys
from typing import Any

import pytest

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
    assert lines[2]["exc_info"] is True or "ZeroDivisionError" in json.dumps(lines[2])


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("info", False)])
def test_text_is_plain_where_nobody_looks_at_a_terminal(level: str, shown: bool) -> None:
    text = run(json_lines=False, level=level)
    assert ("quiet" in text) is shown
    assert "chatter" not in text
    assert "\x1b[" not in text
    assert "ZeroDivisionError: division by zero" in text
    assert "not said any more" not in text
