"""Warnings are told and leave a PBX healthy; one error does not."""

import pytest

from callguard.doctor.findings import Finding, Level, healthy


@pytest.mark.parametrize(
    ("levels", "fit"), [([], True), (["ok", "warning"], True), (["ok", "error", "ok"], False)], ids=str
)
def test_only_an_error_makes_it_unfit(levels: list[Level], fit: bool) -> None:
    assert healthy([Finding(level, "ari", "found") for level in levels]) is fit


def test_a_program_gets_all_that_people_read() -> None:
    finding = Finding("warning", "media", "native_rtp is loaded", "unload it")
    assert finding.as_json() == {
        "level": "warning", "area": "media", "text": "native_rtp is loaded", "advice": "unload it",
    }  # fmt: skip
