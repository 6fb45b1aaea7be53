"""init asks, shows, writes and proves, in this order; a step that fails ends it before the next."""

from pathlib import Path

import pytest

from callguard.config import Config, ConfigError, load_config
from callguard.doctor.findings import Finding, Level
from callguard.inventory.pbx import Inventory
from callguard.inventory.report import Report
from callguard.setup import run as module
from callguard.setup.interview import Interview
from callguard.setup.pbx import Pbx
from callguard.setup.run import Options, Outcome, Screen, set_up
from tests.inventory.pbxs import PBX
from tests.setup.people import Person, unasked

LEAD = [{"name": "lead", "endpoint": "PJSIP/301"}]
TOLD = {"roles": {"others": "ignore", "trunks": "customer"}, "supervisors": LEAD}


class Stage:
    """A PBX that is entered at once, the checks' outcome, and all that was shown."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "callguard"
        self.unit = folder / "callguard.service"
        self.found: Inventory | None = PBX
        self.level: Level = "ok"
        self.rung: list[str] = []
        self.reports: list[Report] = []
        self.shown: list[Finding] = []
        monkeypatch.setattr(module, "examine", self._examine)
        monkeypatch.setattr(module, "ring_test", self._ring)
        monkeypatch.setattr(Pbx, "enter", self._enter)
        monkeypatch.setattr(Pbx, "prompts_folder", self._prompts_folder)
        for name in ("CALLGUARD_ARI_PASSWORD", "CALLGUARD_AMI_SECRET"):
            monkeypatch.setenv(name, "")

    async def _enter(self, *_: object) -> Inventory | None:
        return self.found

    async def _prompts_folder(self) -> Path | None:
        return None

    async def _examine(self, config: Config, scopes: object, *, call: bool) -> list[Finding]:
        assert call
        return [Finding(self.level, "selftest", "the customer never hears the whisper")]

    async def _ring(self, config: Config, endpoint: str) -> Finding:
        self.rung.append(endpoint)
        return Finding("ok", "ring", endpoint)

    async def run(self, interview: Interview, **options: bool) -> Outcome:
        screen = Screen(self.reports.append, self.shown.extend)
        return await set_up(interview, Options(self.folder, **options), screen)

    def answers(self, **more: object) -> dict[str, object]:
        return {**TOLD, "unit": str(self.unit), "asterisk": {"folder": str(self.folder)}, **more}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


async def test_answers_become_files_and_a_proof(stage: Stage) -> None:
    outcome = await stage.run(unasked(**stage.answers()))
    assert outcome.proved
    assert outcome.seconds > 0
    config = load_config(stage.folder / "callguard.yaml")
    assert config.supervisors[0].endpoint == "PJSIP/301"
    assert (stage.folder / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert stage.unit.exists()
    assert stage.rung == ["PJSIP/301"]
    assert str(stage.unit) in outcome.as_json()["files"]
    assert {each.endpoint.name: each.shown for each in stage.reports[0].parts}["PJSIP/201"] == "agent"


async def test_a_missing_answer_ends_it_before_anything_is_written(stage: Stage) -> None:
    with pytest.raises(ConfigError, match=r"roles\.others"):
        await stage.run(unasked(**stage.answers(roles={"trunks": "customer"})))
    assert not stage.folder.exists()


async def test_an_answer_that_the_pbx_contradicts_ends_it_too(stage: Stage) -> None:
    wrong = [{"name": "lead", "endpoint": "PJSIP/302"}]
    with pytest.raises(ConfigError, match="no endpoint PJSIP/302"):
        await stage.run(unasked(**stage.answers(supervisors=wrong)))
    assert not stage.folder.exists()


async def test_a_dry_run_shows_and_writes_nothing(stage: Stage) -> None:
    person = Person()
    outcome = await stage.run(Interview(unasked(**stage.answers()).answers, None, person.tell), dry_run=True)
    assert not stage.folder.exists()
    assert str(stage.folder / "callguard.yaml") in outcome.files
    assert any("PJSIP/20" in text for text in person.told)
    assert person.told[-1] == "dry run: nothing was written"
    stage.found = None
    assert (await stage.run(unasked(**stage.answers()), dry_run=True)).files == []


async def test_a_second_run_changes_nothing_and_another_answer_needs_a_word(stage: Stage) -> None:
    await stage.run(unasked(**stage.answers()))
    secrets = (stage.folder / "secrets.env").read_text()
    await stage.run(unasked(**stage.answers()))
    assert (stage.folder / "secrets.env").read_text() == secrets
    with pytest.raises(ConfigError, match=r"callguard\.yaml: exists.*--overwrite"):
        await stage.run(unasked(**stage.answers(mode="emotion")))
    await stage.run(unasked(**stage.answers(mode="emotion")), overwrite=True)
    assert load_config(stage.folder / "callguard.yaml").analysis.mode == "emotion"
    assert "raised_voice" in (stage.folder / "callguard.yaml.before-callguard").read_text()


async def test_no_phone_rings_where_the_whisper_is_not_proved_or_nobody_wants_it(stage: Stage) -> None:
    await stage.run(unasked(**stage.answers(ring="none")))
    stage.level = "error"
    outcome = await stage.run(unasked(**stage.answers()))
    assert not outcome.proved
    assert stage.rung == []


async def test_a_person_sees_who_would_be_what_and_may_answer_again(stage: Stage) -> None:
    person = Person(**{"Supervisors'_phones": "PJSIP/301|PJSIP/202", "Is_this_right": "no|yes", "Name_of": "Di|Bo"})
    await stage.run(person.interview(unit=str(stage.unit), asterisk={"folder": str(stage.folder)}))
    assert len(stage.reports) == 2
    assert load_config(stage.folder / "callguard.yaml").supervisors[0].name == "Bo"


async def test_nothing_was_proved_where_nothing_was_found() -> None:
    assert not Outcome().proved
