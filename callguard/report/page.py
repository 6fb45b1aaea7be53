"""A timeline as one HTML page: no script, nothing loaded from elsewhere, everything escaped."""

from collections import Counter
from html import escape
from typing import Final

from callguard import __version__
from callguard.report.evidence import evidence_html
from callguard.report.timeline import Moment, Timeline

SEVERITIES: Final = ("critical", "warning", "info")
STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
ol { list-style: none; padding: 0 }
li { display: grid; grid-template-columns: 5rem 1fr; gap: 1rem; padding: .3rem 0; border-top: 1px solid #8884 }
time { text-align: right; font-variant-numeric: tabular-nums; opacity: .8 }
.fired, .escalated { font-weight: 600 }
.pending { opacity: .65 }
.mark { display: inline-block; width: 1.2em }
.critical .mark { color: #c0272d } .warning .mark { color: #b46a00 } .info .mark { color: #2f6fc0 }
details { font-weight: 400; margin: .3rem 0 .6rem }
summary { cursor: pointer }
.curves { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem }
figure { margin: .5rem 0 }
figcaption, .facts, footer { font-size: .85rem; opacity: .8 }
svg { display: block; max-width: 100%; border: 1px solid #8886 }
polyline { fill: none; stroke: currentColor; stroke-width: 1.5 }
.limit { stroke: #c0272d; stroke-dasharray: 4 3 }
td, th { text-align: left; vertical-align: top; padding-right: 1rem; font-weight: 400 }
th { opacity: .8 }
@media print { details { break-inside: avoid } }
"""


def page(call: Timeline) -> str:
    """Return the page."""
    title = f"Call {escape(call.call)}"
    facts = {
        "began": call.began.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "queue": call.queue,
        "agent": call.agent,
        "mode": call.mode,
        "lasted": "goes on" if call.duration_s is None else _clock(call.duration_s),
        "alerts": _alerts(call),
    }
    rows = "".join(f"<tr><th>{key}<td>{escape(str(value))}" for key, value in facts.items() if value)
    moments = "".join(_moment(each) for each in call.moments)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><table>{rows}</table><ol>{moments}</ol><footer>CallGuard {__version__}</footer></html>\n"
    )


def _alerts(call: Timeline) -> str:
    """Say how many fired, the worst first."""
    fired = Counter(moment.severity for moment in call.moments if moment.kind == "alert.fired")
    return ", ".join(f"{fired[severity]} {severity}" for severity in SEVERITIES if fired[severity]) or "none"


def _moment(moment: Moment) -> str:
    noun, verb = moment.kind.split(".")
    evidence = evidence_html(moment.evidence) if moment.evidence and verb == "fired" else ""
    classes = escape(" ".join(filter(None, (noun, verb, moment.severity))))
    return (
        f'<li><time>{_clock(moment.at_s)}</time><div class="{classes}">'
        f'<span class="mark">{_mark(moment)}</span>{escape(moment.text)}{evidence}</div>'
    )


def _mark(moment: Moment) -> str:
    """Return the shape that stands for it: severity is told by shape and word, not by colour alone."""
    if moment.kind == "alert.resolved":
        return "✓"
    if moment.kind in ("alert.fired", "alert.escalated"):
        return {"critical": "■", "info": "●"}.get(moment.severity or "", "▲")
    return "◆" if moment.kind.startswith("supervision.") else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
