"""Record the demo as an animated picture for the README: `python -m tools.cast [FILE]`.

The lines are those of a real run, in its order and colours and at its pace, with pauses of at most `LONGEST_PAUSE_S`.
rich draws the terminal; style sheets inside the picture show each line at its time, so it needs no script and loads
nothing.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.text import Text

FILE: Final = Path(__file__).parent.parent / "docs" / "images" / "demo.svg"
WIDTH: Final = 104
"""Columns of the terminal."""
LONGEST_PAUSE_S: Final = 1.2
HOLD_S: Final = 6.0
"""Seconds for which the last line stays before the picture begins again."""
PLAIN: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>A recording of the demo</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }}
.{unique_id}-title {{ font: bold 18px system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's picture of a terminal without its web fonts."""
_OF_LINE: Final = re.compile(r'<text (?=[^>]*clip-path="url\(#demo-line-(\d+)\)")')


class Line(NamedTuple):
    """A line as printed, and the seconds since the start at which it came."""

    text: str
    at_s: float


def record(command: Sequence[str]) -> list[Line]:
    """Run a program and return its lines; raise CalledProcessError where it fails."""
    began, lines = time.monotonic(), []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for text in process.stdout or ():
            lines.append(Line(text.rstrip("\n"), time.monotonic() - began))  # noqa: PERF401 -- each line at its time
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return lines


def shown_at(lines: Sequence[Line]) -> list[float]:
    """Return the seconds at which each line is shown: in the run's pace, with its pauses shortened."""
    at = [0.4]
    for before, now in pairwise(lines):
        at.append(at[-1] + min(now.at_s - before.at_s, LONGEST_PAUSE_S))
    return at


def draw(texts: Iterable[str], at: Sequence[float], title: str) -> str:
    """Return the picture of a terminal in which each line appears at its time, again and again."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    starts: list[float] = []
    """Time of each row of the terminal: a long line takes several."""
    for text, seconds in zip(texts, at, strict=True):
        rows = Text.from_ansi(text).wrap(console, WIDTH)
        for row in rows:
            console.print(row)
        starts += [seconds] * len(rows)
    picture = console.export_svg(title=title, code_format=PLAIN, unique_id="demo")
    whole_s = starts[-1] + HOLD_S
    picture = _OF_LINE.sub(lambda match: f'<text style="animation-name: line-{match[1]}" ', picture)
    return picture.replace("</style>", f"{_styles(starts, whole_s)}</style>", 1)


def _styles(starts: Sequence[float], whole_s: float) -> str:
    rules = [
        f".demo-matrix text {{ animation-duration: {whole_s:.1f}s; animation-iteration-count: infinite; }}",
        "@media (prefers-reduced-motion: reduce) { .demo-matrix text { animation: none !important; } }",
    ]
    for number, start in enumerate(starts):
        share = 100 * start / whole_s
        steps = f"0%, {share:.2f}% {{ opacity: 0; }} {share + 0.01:.2f}%, 100% {{ opacity: 1; }}"
        rules.append(f"@keyframes line-{number} {{ {steps} }}")
    return "\n".join(rules) + "\n"


def main(file: str = str(FILE)) -> None:
    """Record one call of the demo and write the picture."""
    program = Path(sys.executable).with_name("callguard")
    lines = record(["env", "FORCE_COLOR=1", f"COLUMNS={WIDTH}", "PYTHONUNBUFFERED=1", str(program), "demo"])
    typed = "$ make demo"
    texts, at = [typed, *(line.text for line in lines)], [0.0, *shown_at(lines)]
    Path(file).write_text(draw(texts, at, "make demo"), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
