"""Phones that may speak Opus are told once, by name; trunks and supervisors' phones hear no whisper."""

from dataclasses import replace

from callguard.inventory.codecs import silenced_by_whispers
from callguard.inventory.pbx import Endpoint, Inventory
from tests.inventory.pbxs import config

PHONES = Inventory(
    "22",
    (
        Endpoint("PJSIP/201", codecs=("ulaw", "opus")),
        Endpoint("PJSIP/202", codecs=("opus",)),
        Endpoint("PJSIP/203", codecs=("ulaw", "g722")),
        Endpoint("PJSIP/204"),
        Endpoint("PJSIP/301", codecs=("opus",)),
        Endpoint("PJSIP/carrier", trunk="it dials out", codecs=("opus",)),
    ),
)
LEAD = [{"name": "lead", "endpoint": "PJSIP/301"}]


def test_agents_phones_that_may_speak_opus_are_told() -> None:
    (found,) = silenced_by_whispers(config(supervisors=LEAD), PHONES)
    assert (found.level, found.text.partition(" may ")[0]) == ("warning", "PJSIP/201, PJSIP/202")
    assert "stereo=0" in found.advice


def test_without_opus_there_is_nothing_to_tell() -> None:
    assert not list(silenced_by_whispers(config(), replace(PHONES, endpoints=PHONES.endpoints[2:4])))
