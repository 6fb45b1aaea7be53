"""The table of signals: what nobody measured is not a number, and rows start empty each time."""

import numpy as np
import pytest

from callguard.signals.table import CALL_INDEX, CALL_SIGNALS, LEG_INDEX, LEG_SIGNALS, NO_ROW, Signal, SignalTable


@pytest.mark.parametrize("signal", [*LEG_SIGNALS, *CALL_SIGNALS], ids=lambda signal: signal.name)
def test_every_signal_says_what_it_is_and_how_far_it_goes(signal: Signal) -> None:
    assert signal.low < signal.high
    assert signal.unit
    assert signal.meaning
    assert signal.source


def test_every_name_leads_to_its_own_row() -> None:
    for signals, index in ((LEG_SIGNALS, LEG_INDEX), (CALL_SIGNALS, CALL_INDEX)):
        assert [signals[index[signal.name]] for signal in signals] == list(signals)
        assert len(index) == len(signals)
    assert not LEG_INDEX.keys() & CALL_INDEX.keys()


def test_a_new_table_knows_nothing() -> None:
    table = SignalTable(legs=3, calls=2)
    assert table.leg.shape == (len(LEG_SIGNALS), 3)
    assert table.call.shape == (len(CALL_SIGNALS), 2)
    assert np.isnan(table.leg).all()
    assert np.isnan(table.call).all()
    assert not table.live.any()
    assert (table.customer == NO_ROW).all()
    assert (table.agent == NO_ROW).all()


def test_a_call_that_is_opened_is_empty_and_live_and_disturbs_no_other() -> None:
    table = SignalTable(legs=4, calls=2)
    table.call[:] = 1.0
    table.customer[:], table.agent[:] = [0, 2], [1, 3]
    table.open_call(1)
    assert np.isnan(table.call[:, 1]).all()
    assert (table.call[:, 0] == 1.0).all()
    assert list(table.live) == [False, True]
    assert list(table.customer) == [0, NO_ROW]
    assert list(table.agent) == [1, NO_ROW]


def test_a_call_that_is_closed_has_no_legs_any_more() -> None:
    table = SignalTable(legs=4, calls=2)
    for call in (0, 1):
        table.open_call(call)
    table.customer[:], table.agent[:] = [0, 2], [1, 3]
    table.close_call(0)
    assert list(table.live) == [False, True]
    assert list(table.customer) == [NO_ROW, 2]
    assert list(table.agent) == [NO_ROW, 3]


def test_a_leg_that_is_cleared_is_unjudged_and_disturbs_no_other() -> None:
    table = SignalTable(legs=2, calls=1)
    table.leg[:] = 0.9
    table.clear_leg(0)
    assert np.isnan(table.leg[:, 0]).all()
    assert not (table.leg[:, 0] > 0.5).any()
    assert (table.leg[:, 1] > 0.5).all()
