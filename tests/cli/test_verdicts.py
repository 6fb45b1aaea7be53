"""`callguard rules verdicts` on a real stream: counts, proposals, reasons for none, picture, errors."""

import asyncio
import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import redis
import typer
import yaml
from typer.testing import CliRunner, Result

from callguard.cli import rules as module
from callguard.config import Redis
from callguard.contracts.events import AlertEvent, CallStarted, Event, envelope
from tests.rules.authoring.test_verdicts import TEXT, acknowledged, fired, judged
from tests.support.bus import WiredBus

USEFUL = [0.75 + number / 100 for number in range(15)]
FALSE = [0.61 + number / 50 for number in range(10)]


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Path:
    (tmp_path / "rules.yaml").write_text(TEXT)
    path = tmp_path / "callguard.yaml"
    path.write_text(f"redis: {{url: '{redis_url}'}}\nrules: {{files: [rules.yaml]}}\n")
    return path


@pytest.fixture
def stream(redis_url: str) -> str:
    """A stream with alerts of Raised that were judged, a few of Trial, and what is none of our business."""
    publish(redis_url, [*history(), CallStarted(call="c1", mode="raised_voice", agent="Alex")])
    return redis_url


def history() -> Iterable[AlertEvent]:
    for number, (value, verdict) in enumerate([(v, "useful") for v in USEFUL] + [(v, "false") for v in FALSE]):
        yield fired(number, value=round(value, 4))
        yield acknowledged(number, 4.0)
        yield judged(number, verdict)
    yield fired(90, "Trial", shadow=True)
    yield fired(91, merged=True)


def publish(url: str, events: Iterable[Event]) -> None:
    async def work() -> None:
        bus = WiredBus(Redis(url=url), "n")
        await bus.start()
        for event in events:
            bus.publish(event)
        assert await bus.flush(5)
        await bus.stop()

    asyncio.run(work())


def publish_at(url: str, days_ago: float, event: Event) -> None:
    told = envelope(event, "n")
    fields: Any = {"event": told.to_json(), "type": told.type, "call": told.subject}
    with redis.Redis.from_url(url) as client:
        client.xadd("callguard:events", fields, id=f"{round((time.time() - days_ago * 86400) * 1000)}-0")


def run(config: Path, *words: object, columns: int = 120) -> Result:
    app = typer.Typer()
    module.register(app)
    words = ("rules", "verdicts", "--config", config, *words)
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": str(columns)})


def as_json(config: Path, *words: object) -> dict[str, Any]:
    result = run(config, *words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_counts_and_a_proposal_with_the_line_to_write(config: Path, stream: str) -> None:
    result = run(config)
    assert result.exit_code == 0, result.output
    row = next(line for line in result.output.splitlines() if line.strip().startswith("Raised "))
    assert re.split(r"\s{2,}", row.strip()) == ["Raised", "26", "25", "15", "10", "1", "60% (41–77%)", "4.0 s"]
    assert "Trial (on trial)" in result.output
    assert "Too few verdicts for a proposal (20): Trial 0" in result.output
    assert "Try it: callguard rules backtest calls/*.csv --set raised=0.69" in result.output
    lines = result.output.splitlines()
    at = next(index for index, line in enumerate(lines) if line.strip() == "thresholds:")
    assert yaml.safe_load("\n".join(lines[at : at + 2])) == {"thresholds": {"raised": 0.69}}
    assert "5 of 10 false alarms of Raised gone, 0 of 15 useful ones lost" in lines[at + 1]


def test_a_narrow_terminal_shows_every_rule_and_number(config: Path, stream: str) -> None:
    lines = run(config, columns=80).output.splitlines()
    row = next(line for line in lines if line.strip().startswith("Raised "))
    assert re.split(r"\s{2,}", row.strip()) == ["Raised", "26", "25", "15", "10", "1", "60% (41–77%)", "4.0 s"]


def test_json_tells_the_same_and_names_nobody(config: Path, stream: str) -> None:
    told = as_json(config, "--days", 7)
    raised = next(each for each in told["rules"] if each["rule"] == "Raised")
    assert (told["days"], told["fewer_percent"], told["unreadable"]) == (7, 50, 0)
    assert (raised["fired"], raised["merged"], raised["verdicts"]) == (26, 1, 25)
    assert raised["precision"] == {"share": 0.6, "low": 0.4074, "high": 0.766}
    assert raised["proposed"] == "raised"
    (threshold,) = raised["thresholds"]
    assert (threshold["now"], threshold["value"]) == (0.6, 0.69)
    assert threshold["effect"] == {"rule": "Raised", "false": 10, "false_gone": 5, "useful": 15, "useful_lost": 0}
    assert not [name for name in ("Alex", "Ann", '"c1"', '"a1"') if name in json.dumps(told)]


def test_more_may_be_wished_for_and_one_rule_looked_at(config: Path, stream: str) -> None:
    told = as_json(config, "--rule", "Raised", "--fewer", 90)
    (raised,) = told["rules"]
    assert raised["thresholds"][0]["effect"]["false_gone"] == 9
    assert raised["thresholds"][0]["effect"]["useful_lost"] == 3


def test_only_alerts_of_the_last_days_count(config: Path, redis_url: str) -> None:
    for days_ago, number in ((40.0, 200), (20.0, 201)):
        publish_at(redis_url, days_ago, fired(number))
    publish(redis_url, [judged(200, "false"), judged(201, "useful"), fired(202)])
    counted = [as_json(config, "--days", days, "--rule", "Raised")["rules"][0]["fired"] for days in (50, 30, 10)]
    assert counted == [3, 2, 1]
    assert "The stream holds events from" not in run(config).output
    assert "The stream holds events from" in run(config, "--days", 50).output


def test_an_empty_stream_and_too_few_verdicts_are_told(config: Path, redis_url: str) -> None:
    told = run(config)
    assert told.exit_code == 0
    assert "The events stream is empty." in told.output
    assert as_json(config)["since"] is None
    publish(redis_url, [fired(1), judged(1, "false")])
    assert "Too few verdicts for a proposal (20): Raised 1, Trial 0" in run(config).output


def test_why_nothing_is_proposed(config: Path, redis_url: str) -> None:
    publish(redis_url, [event for number in range(25) for event in (fired(number), judged(number, "useful"))])
    publish(
        redis_url, [event for number in range(30, 55) for event in (fired(number, "Trial"), judged(number, "false"))]
    )
    told = run(config).output
    assert "Raised: nothing to propose. raised: no false alarm" in told
    assert "Trial: nothing to propose. It compares nothing with a named threshold" in told
    assert "backtest" not in told


def test_a_rule_that_is_gone_is_counted_and_an_entry_of_others_is_skipped(config: Path, redis_url: str) -> None:
    publish(redis_url, [fired(1, "Old"), judged(1, "useful", "Old")])
    with redis.Redis.from_url(redis_url) as client:
        client.xadd("callguard:events", {"type": "io.callguard.alert.fired.v1", "event": "no JSON"})
        client.xadd("callguard:events", {"other": "fields"})
    told = run(config).output
    assert "Old (not in force)" in told
    assert "Unreadable events left out: 1" in told


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture(config: Path, stream: str, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"verdicts.{ending}"
    assert run(config, "--plot", path).exit_code == 0
    assert path.read_bytes()[:5] in {b"\x89PNG\r", b"<?xml"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--rule", "Rased"], "no such rule; did you mean 'Raised'?"),
        (["--plot", "x.doc"], "allowed suffixes: .png"),
        (["--plot", "/nowhere/x.png"], "No such file"),
        (["--fewer", "0"], "greater than or equal to 1"),
        (["--days", "0"], "greater than or equal to 0.01"),
        (["--rule", "Trial", "--plot", "x.png"], "nothing to draw"),
    ],
)
def test_wrong_usage(config: Path, stream: str, words: list[str], problem: str) -> None:
    result = run(config, *words)
    assert result.exit_code != 0
    assert problem in result.stderr.replace("\n", "")


def test_rules_that_are_wrong_and_an_absent_server_are_told(config: Path, tmp_path: Path) -> None:
    config.write_text("redis: {url: 'redis://127.0.0.1:1/0'}\nrules: {files: [rules.yaml]}\n")
    assert "not reached" in run(config).stderr
    (tmp_path / "rules.yaml").write_text("groups: [{name: g, rules: [{alert: A, expr: customer.loud > 1}]}]")
    result = run(config)
    assert result.exit_code == 2
    assert "unknown signal" in result.stderr
