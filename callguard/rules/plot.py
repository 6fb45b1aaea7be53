"""A back-test as a picture: fires per supervisor-hour, rule by rule, before and after a change."""

from pathlib import Path

from callguard.rules.backtest import Backtest, Total

FORMATS = (".png", ".svg", ".pdf")


def plot_backtest(path: Path, before: Backtest, after: Backtest | None, change: str, budget: int) -> None:
    """Write the picture; its format follows the name's ending. Needs matplotlib (`pip install callguard[plots]`)."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(total.rule for each in (before, after) if each for total in each.totals))
    figure = Figure(figsize=(9, 1.5 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    height = 0.4 if after else 0.7
    _bars(axes, names, before.totals, -height / 2 if after else 0.0, height, "as it is", "#4c78a8")
    if after:
        _bars(axes, names, after.totals, height / 2, height, change, "#f58518")
    axes.axvline(budget, color="#888888", linestyle="--", label=f"alert budget ({budget})")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(
        f"fires per supervisor-hour ({before.calls_at_once:g} calls at once, {before.hours:.2f} h of calls)"
    )
    axes.legend(loc="best", fontsize="small")
    figure.savefig(path)


def _bars(
    axes: "object", names: list[str], totals: tuple[Total, ...], offset: float, height: float, label: str, color: str
) -> None:
    values = {total.rule: total.per_supervisor_hour for total in totals}
    widths = [values.get(name, 0.0) for name in names]
    axes.barh([index + offset for index in range(len(names))], widths, height, label=label, color=color)  # type: ignore[attr-defined]  # matplotlib is untyped here
