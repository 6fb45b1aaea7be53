"""CallGuard talks to the PBX, the Redis and the receivers that its configuration names, and to nobody else.

It writes no file outside the folders that it was given.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.isolated import ROOT, Isolated, run_isolated, why_not
from tests.support.sound import buzz

pytestmark = pytest.mark.isolation


@pytest.fixture(autouse=True)
def _traceable() -> None:
    if reason := why_not():
        pytest.skip(reason)


def assert_quiet(ran: Isolated) -> None:
    assert ran.code == 0, ran.err
    assert ran.strays == []
    assert ran.left == []


def test_the_whole_service_with_a_call_stays_on_this_machine(tmp_path: Path) -> None:
    ran = run_isolated(tmp_path, "python", "-m", "tests.support.one_call", str(tmp_path))
    assert_quiet(ran)
    seen = {line.removeprefix("io.callguard.").removesuffix(".v1") for line in ran.out.splitlines()}
    assert {"call.started", "tap.opened", "alert.fired", "call.ended"} <= seen


def test_analyze_stays_on_this_machine(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "call.wav", np.stack([buzz(3), buzz(3, 200)]).T, 8000, subtype="PCM_16")
    rules = str(ROOT / "config/rules")
    ran = run_isolated(tmp_path, "callguard", "analyze", "call.wav", "--json", "--plot", "call.png", "--rules", rules)
    assert_quiet(ran)
    assert json.loads(ran.out)["legs"] == ["customer", "agent"]


def test_bench_stays_on_this_machine(tmp_path: Path) -> None:
    ran = run_isolated(tmp_path, "callguard", "bench", "--legs", "20", "--seconds", "3", "--json")
    assert_quiet(ran)
    assert json.loads(ran.out)["alerts"]["came"] > 0


@pytest.mark.parametrize(
    ("act", "call"),
    [
        ("import socket; socket.socket().connect_ex(('192.0.2.1', 443))", 'inet_addr("192.0.2.1")'),
        ("import socket; socket.socket(socket.AF_INET6).connect_ex(('2001:db8::1', 443))", '"2001:db8::1"'),
        ("import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'?', ('127.0.0.53', 53))", "htons(53)"),
        ("import pathlib; pathlib.Path.home().joinpath('id').write_text('7')", "home/id"),
        ("import os, pathlib; os.mkdir(pathlib.Path.home() / '.cache')", "home/.cache"),
        ("open('/tmp/stray-of-a-test', 'w').close(); import os; os.unlink('/tmp/stray-of-a-test')", "stray-of-a-test"),
    ],
)  # fmt: skip
def test_what_strays_is_seen(tmp_path: Path, act: str, call: str) -> None:
    ran = run_isolated(tmp_path, "python", "-c", act)
    assert call in "".join(ran.strays)


def test_what_stays_is_no_finding(tmp_path: Path) -> None:
    writes = "import os; open('own', 'w').close(); os.mkdir('own-folder')"
    connects = (
        "import socket; own = socket.create_server(('127.0.0.1', 0)); socket.create_connection(own.getsockname())"
    )
    ran = run_isolated(tmp_path, "python", "-c", f"{writes}; {connects}")
    assert_quiet(ran)
