"""The doctor proves a healthy PBX healthy and says what is wrong with a sick one."""

import json
from pathlib import Path
from typing import Any

import pytest

from callguard.testbed.lab.lab import Lab
from tests.integration.harness.service import Service


async def examine(service: Service) -> tuple[int, dict[str, Any]]:
    status, out = await service.cli("doctor", "--json")
    return status, json.loads(out)


@pytest.mark.parametrize("path", ["audiosocket", "external_media"])
async def test_a_healthy_pbx_passes_and_nobody_hears_what_they_must_not(
    lab: Lab, redis_url: str, tmp_path: Path, path: str
) -> None:
    if path == "audiosocket" != lab.pbx.tap:
        pytest.skip("this Asterisk has no AudioSocket")
    status, report = await examine(Service(lab, redis_url, tmp_path, media={"tap": path}))
    assert status == 0, report
    texts = [finding["text"] for finding in report["findings"] if finding["level"] == "ok"]
    assert any(text.startswith(f"Asterisk {lab.pbx.version}") for text in texts)
    assert sum("hears" in text or "carries" in text for text in texts) == 10


async def test_a_missing_dialplan_context_is_found(lab: Lab, redis_url: str, tmp_path: Path) -> None:
    if lab.pbx.tap != "audiosocket":
        pytest.skip("this Asterisk has no AudioSocket")
    service = Service(lab, redis_url, tmp_path, media={"tap_context": "not-included"})
    status, report = await examine(service)
    assert status == 1
    wrong = [finding for finding in report["findings"] if finding["level"] == "error"]
    assert {finding["area"] for finding in wrong} == {"media", "parties"}
    assert all("extensions_callguard.conf" in finding["advice"] for finding in wrong)


async def test_wrong_passwords_and_an_absent_redis_are_told_without_showing_them(lab: Lab, tmp_path: Path) -> None:
    service = Service(lab, "redis://127.0.0.1:1/0", tmp_path)
    secret = tmp_path / "wrong"
    secret.write_text("not-the-secret")
    text = service.config.read_text()
    text = text.replace("ari:", f"ari:\n    password: {{file: {secret}}}")
    service.config.write_text(text.replace("ami:", f"ami:\n    secret: {{file: {secret}}}"))
    status, report = await examine(service)
    assert status == 1
    assert {"ari", "ami", "redis"} == {f["area"] for f in report["findings"] if f["level"] == "error"}
    assert "not-the-secret" not in json.dumps(report)


async def test_native_rtp_is_an_error_until_the_configuration_confirms_it(redis_url: str, tmp_path: Path) -> None:
    async with Lab.start(customers=1, agents=1, supervisors=1, native_rtp=True) as harmful:
        status, report = await examine(Service(harmful, redis_url, tmp_path / "a"))
        confirmed = Service(harmful, redis_url, tmp_path / "b", asterisk={"native_rtp_confirmed": True})
        assert (await examine(confirmed))[0] == 0
    assert status == 1
    (error,) = [f for f in report["findings"] if f["level"] == "error"]
    assert "bridge_native_rtp" in error["text"]
    assert "native_rtp_confirmed" in error["advice"]
