"""A mark is made on behalf of the call's channel, and the reconciler leaves its channel alone meanwhile."""

from typing import Any

import pytest

from callguard.asterisk import marks
from callguard.asterisk.marks import MARK_CONTEXT, MARK_VARIABLE, Marks
from tests.integration.harness.service import until


class Pbx:
    """ARI and the reconciler at once."""

    app = "callguard"

    def __init__(self) -> None:
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.held: list[str] = []

    async def run_dialplan(self, channel: str, **how: Any) -> None:
        assert channel in self.held, "it would be removed"
        self.made.append((channel, how))

    def hold(self, channel: str) -> None:
        self.held.append(channel)

    def let_go(self, channel: str) -> None:
        self.held.remove(channel)


async def test_a_mark_runs_for_its_channel_and_is_left_alone_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MARK_S", 0.02)
    pbx = Pbx()
    await Marks(pbx, pbx).write("fired|Loud", "1.5")  # type: ignore[arg-type]
    ((channel, how),) = pbx.made
    assert channel.startswith("callguard.mark.")
    assert how == {"context": MARK_CONTEXT, "of": "1.5", "variables": {MARK_VARIABLE: "fired|Loud"}}
    await until(lambda: pbx.held == [])
