"""Spans that nobody times let work and errors through."""

import pytest

from callguard.worker.spans import untimed


def test_untimed_spans_may_lie_in_each_other() -> None:
    done = []
    with untimed("signals"), untimed("vad"):
        done.append("vad")
    assert done == ["vad"]


def test_an_error_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), untimed("vad"):
        1 / 0  # noqa: B018 -- raises
