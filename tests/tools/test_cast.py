"""The README's picture shows a run's own lines, in its order and pace, and loads nothing."""

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from tools.cast import HOLD_S, LONGEST_PAUSE_S, Line, draw, record, shown_at

SVG = "{http://www.w3.org/2000/svg}"
TEXTS = ["$ make demo", "\x1b[1;31mALERT\x1b[0m <&> customer.raised_voice > 0.6", "long " * 40, "done"]
AT = [0.0, 1.0, 2.5, 4.0]


def rows(picture: str) -> dict[int, str]:
    """Return the text of each row of the terminal."""
    found: dict[int, str] = {}
    for text in ET.fromstring(picture).iter(f"{SVG}text"):
        if number := re.search(r"line-(\d+)", text.get("style", "")):
            found[int(number[1])] = found.get(int(number[1]), "") + (text.text or "").replace("\xa0", " ").strip("\n")
    return found


def test_every_line_is_drawn_in_order_and_a_long_one_in_several_rows() -> None:
    drawn = rows(draw(TEXTS, AT, "make demo"))
    assert drawn[0] == "$ make demo"
    assert drawn[1] == "ALERT <&> customer.raised_voice > 0.6"
    assert " ".join(drawn[number] for number in (2, 3)).split() == ["long"] * 40
    assert drawn[max(drawn)] == "done"


def test_each_row_appears_at_its_time_and_the_picture_begins_again() -> None:
    picture, whole_s = draw(TEXTS, AT, "make demo"), AT[-1] + HOLD_S
    shares = [float(share) for share in re.findall(r"@keyframes line-\d+ \{ 0%, ([\d.]+)%", picture)]
    assert shares == pytest.approx([100 * at / whole_s for at in (0.0, 1.0, 2.5, 2.5, 4.0)], abs=0.01)
    assert f"animation-duration: {whole_s:.1f}s" in picture
    assert "prefers-reduced-motion" in picture


def test_the_picture_loads_nothing_and_runs_nothing() -> None:
    picture = draw(TEXTS, AT, "make demo")
    assert set(re.findall(r"https?://[^\"]+", picture)) == {"http://www.w3.org/2000/svg"}
    assert not {element.tag for element in ET.fromstring(picture).iter()} & {f"{SVG}script", f"{SVG}image"}


def test_pauses_are_shortened_and_short_ones_are_kept() -> None:
    at = shown_at([Line("a", 3.0), Line("b", 3.5), Line("c", 30.0)])
    assert [at[1] - at[0], at[2] - at[1]] == pytest.approx([0.5, LONGEST_PAUSE_S])


def test_a_program_is_recorded_line_by_line_and_a_failure_is_no_recording() -> None:
    code = "import time; print('a', flush=True); time.sleep(0.3); print('b')"
    first, second = record([sys.executable, "-c", code])
    assert (first.text, second.text) == ("a", "b")
    assert second.at_s - first.at_s > 0.2
    with pytest.raises(subprocess.CalledProcessError):
        record([sys.executable, "-c", "raise SystemExit(3)"])
