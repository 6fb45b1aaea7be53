"""The configuration that init writes is valid, and makes of each phone what was answered."""

from dataclasses import replace

import pytest

from callguard.config import ConfigError
from callguard.inventory.expected import expected_parts
from callguard.setup.plan import Access, Plan, configuration, configuration_text
from tests.inventory.pbxs import PBX

ACCESS = Access("http://127.0.0.1:8088", "callguard", "127.0.0.1", 5038, "callguard", "redis://h:1/0", {"X": "s3cret"})
PLAN = Plan(
    ACCESS,
    ("PJSIP/201", "PJSIP/202"),
    ("PJSIP/301",),
    ("PJSIP/acme-out",),
    queues={"support": {"team": "floor"}, "400": {}},
    supervisors=({"name": "Di", "endpoint": "PJSIP/301", "teams": ["floor"]},),
)


def test_each_phone_is_what_was_answered() -> None:
    parts = expected_parts(configuration(PLAN, PBX).roles, PBX)
    assert {each.endpoint.name: each.shown for each in parts} == {
        "PJSIP/201": "agent",
        "PJSIP/202": "agent",
        "PJSIP/203": "unknown",
        "PJSIP/301": "ignore",
        "PJSIP/acme-out": "customer",
    }


def test_no_caller_is_guessed_unless_somebody_says_so() -> None:
    assert configuration(PLAN, PBX).roles.dial_caller is None
    assert configuration(replace(PLAN, dial_caller="customer"), PBX).roles.dial_caller == "customer"


def test_secrets_stay_out_of_the_text_and_of_messages() -> None:
    text = configuration_text(PLAN, PBX)
    assert "s3cret" not in text
    assert "s3cret" not in repr(PLAN)
    assert "CALLGUARD_ARI_PASSWORD" in text


def test_the_media_path_is_one_that_the_pbx_has() -> None:
    assert configuration(PLAN, PBX).media.tap == "external_media"
    audiosocket = replace(PBX, modules=frozenset({"app_audiosocket.so", "res_audiosocket.so"}))
    assert configuration(PLAN, audiosocket).media.tap == "audiosocket"


def test_queues_teams_and_supervisors_are_in_it() -> None:
    made = configuration(PLAN, PBX)
    assert made.analysis.queues["support"].team == "floor"
    assert "400" in made.analysis.queues
    assert made.supervisors[0].teams == ("floor",)
    assert made.console.port == 8090


def test_native_rtp_is_confirmed_only_by_an_answer() -> None:
    assert configuration(PLAN, PBX).asterisk.native_rtp_confirmed is False
    assert configuration(replace(PLAN, native_rtp_confirmed=True), PBX).asterisk.native_rtp_confirmed is True


def test_an_answer_that_the_configuration_refuses_is_named() -> None:
    with pytest.raises(ConfigError, match=r"analysis\.mode"):
        configuration(replace(PLAN, mode="loud"), PBX)
