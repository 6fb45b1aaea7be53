"""Write a timeline as one HTML page: no script, no external resources, all values escaped."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from callguard import __version__
from callguard.report.evidence import HEIGHT, WIDTH, shown
from callguard.report.timeline import Moment, Timeline
from callguard.runtime.templates import templates

SEVERITIES: Final = ("critical", "warning", "info")


def page(call: Timeline) -> str:
    """Return the page."""
    return _PAGES.get_template("call.html").render(call=call, facts=_facts(call), version=__version__)


def _facts(call: Timeline) -> Iterator[tuple[str, str | None]]:
    yield "began", call.began.strftime("%Y-%m-%d %H:%M:%S UTC")
    yield "queue", call.queue
    yield "agent", call.agent
    yield "mode", call.mode
    yield "lasted", "continues" if call.duration_s is None else _clock(call.duration_s)
    yield "alerts", _alerts(call)


def _alerts(call: Timeline) -> str:
    """Return the number of alerts by severity, the worst first."""
    fired = Counter(moment.severity for moment in call.moments if moment.kind == "alert.fired")
    return ", ".join(f"{fired[severity]} {severity}" for severity in SEVERITIES if fired[severity]) or "none"


def _classes(moment: Moment) -> str:
    return " ".join(filter(None, (*moment.kind.split("."), moment.severity)))


def _mark(moment: Moment) -> str:
    """Return the shape of a moment's severity, which is shown by shape and word, not by colour alone."""
    if moment.kind == "alert.resolved":
        return "✓"
    if moment.kind in ("alert.fired", "alert.escalated"):
        return {"critical": "■", "info": "●"}.get(moment.severity or "", "▲")
    return "◆" if moment.kind.startswith("supervision.") else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"


_PAGES: Final = templates("callguard.report")
_PAGES.filters |= {"clock": _clock, "classes": _classes, "mark": _mark, "shown": shown}
_PAGES.globals |= {"width": WIDTH, "height": HEIGHT}
