"""`callguard doctor` tells findings to people and programs, and places no call where Asterisk is out of reach."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callguard.cli import doctor as command
from callguard.doctor import examination
from callguard.doctor.findings import Finding

app = typer.Typer()
command.register(app)


class Pbx:
    """What the checks find, by area."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found = {area: [Finding("ok", area, f"{area} [fit]")] for area in ("ari", "ami", "redis", "console")}
        self.calls = 0
        for area, name in (("ari", "asterisk"), ("ami", "ami"), ("redis", "redis"), ("console", "console")):
            monkeypatch.setattr(examination, f"check_{name}", self._check(area))
        monkeypatch.setattr(examination, "check_parties", self._parties)
        monkeypatch.setattr(examination, "self_test", self._call)
        monkeypatch.setattr(examination, "try_phones", self._phones)

    def _check(self, area: str):  # type: ignore[no-untyped-def]
        async def check(_: object) -> list[Finding]:
            return list(self.found[area])

        return check

    async def _parties(self, _: object, __: object) -> list[Finding]:
        return [Finding("ok", "parties", "agent: PJSIP/201")]

    async def _phones(self, _: object, phones: list[str]) -> list[Finding]:
        return [Finding("ok", "phone", f"{phone} hears") for phone in phones]

    async def _call(self, _: object) -> list[Finding]:
        self.calls += 1
        return [Finding("ok", "selftest", "nobody hears what they must not")]


@pytest.fixture
def pbx(monkeypatch: pytest.MonkeyPatch) -> Pbx:
    return Pbx(monkeypatch)


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "callguard.yaml"
    path.touch()
    return str(path)


def call(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout


def test_findings_are_told_with_advice(pbx: Pbx, config: str) -> None:
    pbx.found["ami"] = [Finding("warning", "ami", "old [11]", "upgrade [soon]")]
    status, out = call("--config", config)
    assert status == 0
    assert "ok      ari       ari [fit]" in out
    assert "warning ami       old [11]" in out
    assert "→ upgrade [soon]" in out
    assert out.index("selftest") > out.index("console")
    assert pbx.calls == 1


def test_an_error_is_exit_code_one_and_programs_get_json(pbx: Pbx, config: str) -> None:
    pbx.found["redis"] = [Finding("error", "redis", "away")]
    status, out = call("--config", config, "--json")
    told = json.loads(out)
    assert status == 1
    assert told["healthy"] is False
    assert [finding["area"] for finding in told["findings"]] == [
        "ari",
        "ami",
        "redis",
        "console",
        "parties",
        "selftest",
    ]
    assert pbx.calls == 1


def test_no_call_is_placed_where_asterisk_is_out_of_reach_or_nobody_wants_one(pbx: Pbx, config: str) -> None:
    assert call("--config", config, "--no-call")[0] == 0
    pbx.found["ari"] = [Finding("error", "ari", "out of reach")]
    assert call("--config", config)[0] == 1
    assert pbx.calls == 0


def test_named_phones_are_rung_and_their_users_are_told_what_to_do(pbx: Pbx, config: str) -> None:
    code, out = call("--config", config, "--no-call", "--phone", "PJSIP/201", "--phone", "PJSIP/202")
    assert (code, pbx.calls) == (0, 0)
    assert "Answer PJSIP/201 and PJSIP/202" in out
    assert out.rstrip().endswith("PJSIP/202 hears")


@pytest.mark.parametrize(
    "phones", [("201",), ("Local/201@phones",), ("PJSIP/1", "PJSIP/1"), ("PJSIP/1", "PJSIP/2", "PJSIP/3")]
)
def test_what_is_no_phone_or_too_many_is_refused(pbx: Pbx, config: str, phones: tuple[str, ...]) -> None:
    words = [word for phone in phones for word in ("--phone", phone)]
    assert call("--config", config, *words)[0] == 2
