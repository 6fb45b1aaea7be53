"""What happens on the PBX is told in lines that a reader follows."""

from typing import Any

import pytest

from callguard.testbed.simulator.narration import LINES, line
from tests.testbed.simulator.harness import Bench

CHANNEL = {"channel": {"name": "PJSIP/ann-1"}, "bridge": {"id": "b1"}}
PLAYBACK = {"media_uri": "sound:a", "target_uri": "channel:1", "state": "playing"}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"type": "ChannelDestroyed", "cause_txt": "User busy"}, "PJSIP/ann-1 hung up (User busy)"),
        ({"type": "ChannelEnteredBridge"}, "PJSIP/ann-1 joins bridge b1"),
        ({"type": "ChannelDtmfReceived", "digit": "5"}, "PJSIP/ann-1 pressed 5"),
        ({"type": "Dial", "peer": {"name": "PJSIP/bob-1"}, "dialstatus": "RINGING"}, "PJSIP/bob-1 ringing"),
        ({"type": "Dial", "peer": {"name": "PJSIP/bob-1"}, "dialstatus": ""}, None),
        (
            {"type": "PlaybackStarted", "playback": PLAYBACK},
            "sound:a on channel:1: playing",
        ),
        ({"type": "BridgeBlindTransfer", "exten": "202"}, "PJSIP/ann-1 transferred to 202"),
        ({"type": "ChannelVarset"}, None),
    ],
)  # fmt: skip
def test_a_line_says_who_did_what(event: dict[str, Any], told: str | None) -> None:
    assert line(CHANNEL | event) == told


def test_every_event_of_a_call_can_be_told() -> None:
    bench = Bench()
    call = bench.call()
    bench.exchange.hold(call.customer)
    bench.exchange.hold(call.customer, on=False)
    bench.exchange.request_hangup(call.customer)
    bench.run(0.1)
    told = [text for text in map(line, bench.events) if text]
    assert told[0].endswith("created")
    assert any("joins bridge" in text for text in told)
    assert told[-1].endswith("hung up (Normal Clearing)")
    assert {kind for kind in bench.kinds() if kind in LINES} >= {"ChannelHold", "ChannelUnhold", "ChannelLeftBridge"}
