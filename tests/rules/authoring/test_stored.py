"""Stored signals: what `analyze --signals` writes is read; anything else is refused by line."""

import numpy as np
import pytest

from callguard.config import ConfigError
from callguard.contracts.messages import CallFacts
from callguard.rules.authoring.stored import read_signals
from callguard.rules.language.ast import Ref

GOOD = """t_s,leg,raised_voice,talk_over,unjudged
0.1,customer,0.2,,
0.1,agent,,,silence
0.2,customer,,,hold
0.2,call,,0.5,
0.4,customer,0.9,,
"""


def read(text: str) -> dict[str, list[float | None]]:
    found = read_signals("x.csv", text.splitlines(), CallFacts("c"))
    return {
        str(ref): [None if np.isnan(v) else round(float(v), 3) for v in values] for ref, values in found.signals.items()
    }


def test_rows_become_columns_and_gaps_are_not_judged() -> None:
    signals = read(GOOD)
    assert signals["customer.raised_voice"] == [0.2, None, None, 0.9]
    assert signals["call.talk_over"] == [None, 0.5, None, None]
    assert signals["call.elapsed_s"] == [0.1, 0.2, 0.3, 0.4]


def test_elapsed_time_is_taken_from_the_file_when_it_is_there() -> None:
    found = read_signals("x", ["t_s,leg,elapsed_s", "0.1,call,99"], CallFacts("c"))
    assert found.signals[Ref("call", "elapsed_s")].tolist() == [99.0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected the columns t_s,leg"),
        ("t_s,raised_voice", "expected the columns t_s,leg"),
        ("t_s,leg,leg", "each once"),
        ("t_s,leg,raised_voise", "did you mean 'raised_voice'?"),
        ("t_s,leg,speech\n0.1,customer", "x.csv:2: 2 cells, expected 3"),
        ("t_s,leg,speech\nsoon,customer,1", "x.csv:2: t_s: 'soon' is not a number"),
        ("t_s,leg,speech\n0.1,customer,loud", "x.csv:2: speech: 'loud' is not a number"),
        ("t_s,leg,speech\n0.1,boss,1", "leg 'boss'; allowed: customer, agent, call"),
        ("t_s,leg,speech\n-1,agent,1", "out of range"),
        ("t_s,leg,speech\nnan,agent,1", "out of range"),
        ("t_s,leg,speech\n1e12,agent,1", "out of range"),
    ],
)
def test_other_files_are_refused_by_line(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(text)
    assert problem in error.value.problems[0]
