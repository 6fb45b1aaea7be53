"""The dialplan of the ways by which people reach each other is whole."""

import re

from callguard.testbed.lab import situations


def test_each_extension_is_in_the_dialplan_and_each_queue_that_it_dials_exists() -> None:
    extensions = {name: value for name, value in vars(situations).items() if name.isupper() and isinstance(value, str)}
    for name in ("RING_GROUP", "FOLLOW_ME", "POOL", "POOL_DIRECT", "LOG_IN", "CONFERENCE", "WAITING_ROOM", "NESTED"):
        assert f"exten => {extensions[name]},1," in situations.DIALPLAN, name
    for queue in re.findall(r"Queue\((\w+)\)", situations.DIALPLAN):
        assert f"[{queue}]" in situations.QUEUES


def test_the_parking_lot_takes_the_extensions_that_tests_dial() -> None:
    parking = situations.FILES["res_parking.conf"]
    assert f"parkext = {situations.PARK}" in parking
    assert f"parkpos = {situations.FIRST_PLACE}-" in parking
