"""docs/signals.md describes every signal and every reason, with the code's own numbers."""

from pathlib import Path

import pytest

from callguard.audio.gates import Reason
from callguard.signals.table import CALL_SIGNALS, LEG_SIGNALS

PAGE = (Path(__file__).parents[2] / "docs" / "signals.md").read_text("utf-8")


@pytest.mark.parametrize("signal", [*LEG_SIGNALS, *CALL_SIGNALS], ids=lambda signal: signal.name)
def test_every_signal_is_described_with_unit_range_and_source(signal):
    start = f"| `{signal.name}` | {signal.unit} | {signal.low:g} to {signal.high:g} |"
    assert [line for line in PAGE.splitlines() if line.startswith(start) and signal.meaning in line]


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.JUDGED])
def test_every_reason_is_explained(reason):
    assert f"`{reason.name.lower()}`" in PAGE
