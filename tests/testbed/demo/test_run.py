"""The demo plays the main job for real, on the simulated PBX where no Asterisk is, and says what was missing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from callguard.config import load_config
from callguard.contracts.events import AlertAcknowledged, AlertFired, published
from callguard.testbed.demo import run
from callguard.testbed.demo.story import Story
from callguard.testbed.lab.root import AsteriskUnavailable

Told = list[tuple[str, str]]


class FakeStage:
    """A stage on which nothing happens."""

    title = "nowhere"
    settings: dict[str, Any] = {"ari": {"url": "http://127.0.0.1:1"}, "ami": {"enabled": False}}  # noqa: RUF012
    secrets: dict[str, str] = {}  # noqa: RUF012
    performed = 0

    async def perform(self) -> None:
        self.performed += 1


async def test_without_an_asterisk_it_says_why_and_plays_on_the_simulated_pbx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def none(_: Path) -> AsyncIterator[FakeStage]:
        raise AsteriskUnavailable("no network")
        yield FakeStage()

    monkeypatch.setattr(run, "real_stage", none)
    told: Told = []
    async with run._stage(lambda style, text: told.append((style, text)), tmp_path, False) as stage:
        assert "simulated" in stage.title
    assert told == [("yellow", "no real Asterisk is available here (no network); playing on the simulated PBX")]


async def test_whoever_asks_for_the_simulated_pbx_gets_it_without_a_word(tmp_path: Path) -> None:
    told: Told = []
    async with run._stage(lambda style, text: told.append((style, text)), tmp_path, True) as stage:
        assert "simulated" in stage.title
    assert told == []


def test_its_configuration_is_valid_and_open_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "callguard.yaml"
    path.write_text(yaml.safe_dump(run._settings(FakeStage(), "redis://127.0.0.1:1/0", tmp_path)))
    config = load_config(path)
    assert (config.node, config.console.port) == ("demo", 0)
    assert [supervisor.name for supervisor in config.supervisors] == ["floor-lead"]
    assert config.rules.files


def story_with(*kinds: str) -> Story:
    story = Story(lambda *_: None)
    story.see(published(AlertFired(call="1", alert="a", rule="Loud", leg="customer", evidence={}), "n"))
    story.see(
        published(AlertAcknowledged(call="1", alert="a", rule="Loud", leg="customer", by="ann", after_s=3.2), "n")
    )
    for kind in kinds:
        story.seen.setdefault(kind, []).append({})
    return story


def test_the_summary_says_what_did_not_happen() -> None:
    told: Told = []
    assert run._sum_up(lambda style, text: told.append((style, text)), story_with()) is False
    assert told[0][1].startswith("did not happen: ")


def test_the_summary_tells_how_long_help_took(monkeypatch: pytest.MonkeyPatch) -> None:
    told: Told = []
    story = story_with()
    monkeypatch.setattr(story, "missing", list)
    assert run._sum_up(lambda style, text: told.append((style, text)), story) is True
    assert told == [("bold green", "done: 0 call(s), 1 alert(s), all resolved; alert to ear 3.2 s")]


async def test_a_call_is_over_when_its_end_was_told() -> None:
    stage, story = FakeStage(), Story(lambda *_: None)

    async def perform() -> None:
        story.calls_ended += 1

    stage.perform = perform  # type: ignore[method-assign]
    await run._one_call(stage, story)
    assert story.calls_ended == 1


@pytest.mark.redis
async def test_the_whole_main_job_is_seen_on_the_simulated_pbx() -> None:
    told: Told = []
    assert await run.demo(lambda style, text: told.append((style, text)), None, simulated=True)
    lines = [text for _, text in told]
    assert lines[0] == "PBX: simulated PBX, real ARI and media on loopback"
    assert any(line.startswith("console: http://127.0.0.1:") for line in lines)
    assert lines[-1].startswith("done: 1 call(s)")
