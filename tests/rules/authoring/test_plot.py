"""Pictures of rules show every rule, the budget and each verdict."""

from pathlib import Path

import pytest

from callguard.rules.authoring.backtest import backtest
from callguard.rules.authoring.overrides import with_overrides
from callguard.rules.authoring.plot import plot_backtest, plot_verdicts
from callguard.rules.authoring.proposals import Samples
from tests.rules.authoring.test_backtest import CALLS, FILES

pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def letters_stay_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of an SVG is drawn as text, so that it can be read back."""
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")


def test_a_back_test_shows_every_rule_the_budget_and_the_change(tmp_path: Path) -> None:
    path = tmp_path / "p.svg"
    before, after = (backtest(with_overrides(FILES, changes), CALLS, 20) for changes in ([], ["raised=0.8"]))
    plot_backtest(path, before, after, "raised=0.8", 7)
    picture = path.read_text("utf-8")
    for word in ("Raised", "Share", "Rise", "as it is", "raised=0.8", "alert budget (7)", "20 calls at once"):
        assert word in picture


def test_without_a_change_there_is_one_row_of_bars(tmp_path: Path) -> None:
    path = tmp_path / "p.svg"
    plot_backtest(path, backtest(with_overrides(FILES, []), CALLS, 20), None, "nothing", 7)
    picture = path.read_text("utf-8")
    assert "as it is" in picture
    assert "nothing" not in picture


def test_verdicts_show_both_kinds_and_the_proposal_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "p.svg"
    loud = Samples("Loud", "raised", 0.6, 1, useful=(0.9, 0.8, float("inf")), false=(0.65,), left_out=0)
    quiet = Samples("Quiet", "silence", 5.0, -1, useful=(), false=(-4.0,), left_out=0)
    plot_verdicts(path, [(loud, 0.7), (quiet, None)])
    picture = path.read_text("utf-8")
    for word in (
        "Loud: raised",
        "Quiet: silence",
        "3 useful",
        "1 false",
        "0 useful",
        "proposed",
        "now",
        ">useful<",
        ">false alarm<",
    ):
        assert word in picture
