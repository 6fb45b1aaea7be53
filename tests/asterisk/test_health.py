"""What Asterisk refuses, or never answers, for longer than is tolerated is trouble with a name and an advice."""

import pytest

from callguard.asterisk.health import TOLERATED_S, AriHealth

LATER = TOLERATED_S + 0.1


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_refusal_of_a_question_becomes_trouble_in_time_and_an_answer_ends_it(status: int) -> None:
    health = AriHealth()
    health.answered("GET", status, f"GET /x: {status}", 10.0)
    assert health.trouble(10.0 + TOLERATED_S) is None
    trouble = health.trouble(10.0 + LATER)
    assert trouble
    assert (trouble.kind, trouble.since) == ("refuses", 10.0)
    assert f"GET /x: {status}" in trouble.text
    assert "ari.conf" in trouble.text
    health.answered("GET", 200, "GET /x: 200", 20.0)
    assert health.trouble(30.0) is None


def test_a_user_who_may_only_read_is_trouble_although_reading_works() -> None:
    health = AriHealth()
    health.answered("POST", 403, "POST /y: 403", 10.0)
    health.answered("GET", 200, "", 11.0)
    trouble = health.trouble(10.0 + LATER)
    assert trouble
    assert "POST /y: 403" in trouble.text
    health.answered("DELETE", 204, "", 20.0)
    assert health.trouble(30.0) is None


@pytest.mark.parametrize(("method", "status"), [("POST", 500), ("GET", 404), ("DELETE", 404), ("POST", 409)])
def test_an_answer_about_one_object_is_no_trouble(method: str, status: int) -> None:
    health = AriHealth()
    health.answered(method, status, "x", 10.0)
    assert health.trouble(10.0 + LATER) is None


def test_a_server_error_to_a_write_ends_no_refusal() -> None:
    health = AriHealth()
    health.answered("POST", 403, "x", 10.0)
    health.answered("POST", 500, "x", 11.0)
    assert health.trouble(10.0 + LATER)


def test_since_is_the_first_and_the_answer_the_last() -> None:
    health = AriHealth()
    health.failed("unreachable", 10.0, "GET /x: refused")
    health.failed("hangs", 14.0, "GET /x: no answer in 5 s")
    trouble = health.trouble(14.0)
    assert trouble
    assert (trouble.kind, trouble.since) == ("hangs", 10.0)
    assert "no answer in 5 s" in trouble.text
    assert "2170" in trouble.text
