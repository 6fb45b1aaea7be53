"""Channels, bridges and playbacks look as ARI shows those of Asterisk 22.10.1."""

import numpy as np
import pytest

from callguard.testbed.simulator.objects import Bridge, Channel, Party, Phone, Place, Playback, stamp

AT = 1_800_000_000.1239


def test_times_have_asterisks_form() -> None:
    assert stamp(AT) == "2027-01-15T08:00:00.123+0000"
    assert stamp(1_800_000_000) == "2027-01-15T08:00:00.000+0000"


def test_a_channel_shows_who_and_where_it_is_and_no_variables() -> None:
    place = Place("queues", "300", 2, "Queue", "support")
    channel = Channel(
        "1.1", "PJSIP/ann-0", "1.0", AT, "Up", Party("Ann", "201"), Party("", "101"), place, {"SECRET": "x"}
    )
    assert channel.view() == {
        "id": "1.1", "name": "PJSIP/ann-0", "state": "Up", "protocol_id": "", "accountcode": "", "language": "en",
        "caller": {"name": "Ann", "number": "201"}, "connected": {"name": "", "number": "101"},
        "dialplan": {"context": "queues", "exten": "300", "priority": 2, "app_name": "Queue", "app_data": "support"},
        "creationtime": "2027-01-15T08:00:00.123+0000",
    }  # fmt: skip


@pytest.mark.parametrize(("many", "technology"), [(0, "simple_bridge"), (2, "simple_bridge"), (3, "softmix")])
def test_a_bridge_mixes_from_three_on(many: int, technology: str) -> None:
    bridge = Bridge("b", AT, channels=[f"c{number}" for number in range(many)])
    assert (bridge.view()["technology"], bridge.view()["bridge_type"]) == (technology, "mixing")
    assert bridge.view()["channels"] == bridge.channels
    assert bridge.view()["channels"] is not bridge.channels


def test_a_programs_bridge_is_told_from_the_dialplans() -> None:
    views = [Bridge("b", AT, kind).view() for kind in ("basic", "stasis")]  # type: ignore[arg-type]
    assert [(view["bridge_class"], view["video_mode"]) for view in views] == [("basic", "none"), ("stasis", "talker")]


@pytest.mark.parametrize(("to_bridge", "target"), [(False, "channel:t"), (True, "bridge:t")])
def test_a_playback_names_its_target(to_bridge: bool, target: str) -> None:
    view = Playback("p", "sound:a", "t", to_bridge, np.zeros(0, np.int16)).view()
    assert (view["target_uri"], view["state"]) == (target, "queued")


def test_a_phone_gives_back_all_that_it_heard() -> None:
    phone = Phone("PJSIP/ann")
    assert phone.ears().size == 0
    phone.heard += np.array([1, -2], np.int16).tobytes()
    assert phone.ears().tolist() == [1, -2]
