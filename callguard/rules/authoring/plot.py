"""Pictures of rules.

The picture of a back-test shows each rule's alerts per supervisor-hour before and after a change. The picture of
verdicts shows useful and false alarms on the scale of a threshold.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from callguard.rules.authoring.backtest import Backtest, Total
from callguard.rules.authoring.proposals import Samples
from callguard.rules.authoring.rates import extrapolated, length
from callguard.runtime.figures import new_figure

GOLDEN: Final = 0.618034
"""Share of a row by which each mark lies above the previous one, modulo the row: so neighbours never overlap."""


def plot_backtest(path: Path, before: Backtest, after: Backtest | None, change: str, budget: int) -> None:
    """Write the picture in the format of the file name's suffix. Needs matplotlib (`pip install callguard[plots]`)."""
    names = list(dict.fromkeys(total.rule for each in (before, after) if each for total in each.totals))
    figure = new_figure(9, 1.5 + 0.45 * len(names))
    axes = figure.subplots()
    height = 0.4 if after else 0.7
    _bars(axes, names, before.totals, -height / 2 if after else 0.0, height, "as it is", "#4c78a8")
    if after:
        _bars(axes, names, after.totals, height / 2, height, change, "#f58518")
    axes.axvline(budget, color="#888888", linestyle="--", label=f"alert budget ({budget})")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(
        f"fires per supervisor-hour ({before.calls_at_once:g} calls at once, {length(before.hours)} of calls)"
        + ("; extrapolated" if extrapolated(before.hours) else "")
    )
    axes.legend(loc="best", fontsize="small")
    figure.savefig(path)


def _bars(
    axes: "object", names: list[str], totals: tuple[Total, ...], offset: float, height: float, label: str, color: str
) -> None:
    values = {total.rule: total.per_supervisor_hour for total in totals}
    widths = [values.get(name, 0.0) for name in names]
    axes.barh([index + offset for index in range(len(names))], widths, height, label=label, color=color)  # type: ignore[attr-defined]  # matplotlib is untyped here


def plot_verdicts(path: Path, rows: Sequence[tuple[Samples, float | None]]) -> None:
    """Write the picture of thresholds and of the values proposed for them. Needs matplotlib."""
    figure = new_figure(9, 0.8 + 1.5 * len(rows))
    for axes, (found, value) in zip(figure.subplots(len(rows), squeeze=False)[:, 0], rows, strict=True):
        _marks(axes, found, found.false, 0, "x", "#c44e52", "false alarm")
        _marks(axes, found, found.useful, 1, "o", "#4c78a8", "useful")
        axes.axvline(found.now, color="#444444", label="now")
        if value is not None:
            axes.axvline(value, color="#f58518", linestyle="--", label="proposed")
        axes.set_yticks([0, 1], [f"{len(found.false)} false", f"{len(found.useful)} useful"])
        axes.set_ylim(-0.5, 1.5)
        axes.set_title(f"{found.rule}: {found.threshold}", loc="left", fontsize="medium")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
    figure.savefig(path)


def _marks(
    axes: "object", found: Samples, limits: tuple[float, ...], row: int, marker: str, color: str, label: str
) -> None:
    values = [limit * found.direction for limit in limits if math.isfinite(limit)]
    heights = [row + 0.6 * (index * GOLDEN % 1 - 0.5) for index in range(len(values))]
    axes.plot(values, heights, marker, color=color, markersize=4, label=label)  # type: ignore[attr-defined]  # matplotlib is untyped here
