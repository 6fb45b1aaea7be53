"""Behind each interface that a queue rings stands the phone that a fact names; none is guessed."""

import pytest

from callguard.inventory.members import far_end

ENDPOINTS = ("PJSIP/201", "PJSIP/desk-7", "PJSIP/203")
HINTS = {
    ("202", "ext-local"): "PJSIP/desk-7&Custom:DND202",
    ("203", "old"): "PJSIP/201",
    ("203", "ext-local"): "PJSIP/203",
}


@pytest.mark.parametrize(
    ("interface", "state", "endpoint", "how"),
    [
        ("PJSIP/201", "PJSIP/201", "PJSIP/201", "rings"),
        ("pjsip/201", "", "PJSIP/201", "rings"),
        ("Local/9@agents/n", "PJSIP/201", "PJSIP/201", "state interface"),
        ("Local/202@from-queue/n", "hint:202@ext-local", "PJSIP/desk-7", "hint of extension 202"),
        ("Local/202@from-queue/n", "", "PJSIP/desk-7", "hint of extension 202"),
        ("Local/203@from-queue/n", "hint:203@ext-local", "PJSIP/203", "hint of extension 203"),
        ("Local/201@from-queue/n", "", "PJSIP/201", "named like extension 201"),
        ("Local/999@from-queue/n", "hint:999@ext-local", None, "no hint"),
        ("PJSIP/gone", "PJSIP/gone", None, "no such endpoint"),
        ("Agent/1001", "", None, "no such endpoint"),
    ],
)
def test_the_far_end_is_told_by_a_fact(interface: str, state: str, endpoint: str | None, how: str) -> None:
    found, fact = far_end(interface, state, ENDPOINTS, HINTS)
    assert found == endpoint
    assert how in fact


def test_a_number_that_two_technologies_share_tells_nobody() -> None:
    found, _ = far_end("Local/201@x/n", "", ("PJSIP/201", "IAX2/201"), {})
    assert found is None
