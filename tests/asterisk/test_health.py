"""What Asterisk refuses, or never answers, for longer than is tolerated is trouble with a name and an advice."""

import pytest

from callguard.asterisk.health import TOLERATED_S, AriHealth

LATER = TOLERATED_S + 0.1


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_refusal_of_a_question_becomes_trouble_in_time_and_an_answer_ends_it(status: int) -> None:
    health = AriHealth()
    health.answered(status, f"GET /ari/x: {status}", 10.0)
    assert health.trouble(10.0 + TOLERATED_S) is None
    trouble = health.trouble(10.0 + LATER)
    assert trouble
    assert (trouble.kind, trouble.since) == ("refuses", 10.0)
    assert f"GET /ari/x: {status}" in trouble.text
    assert "ari.conf" in trouble.text
    health.answered(200, "GET /ari/x: 200", 20.0)
    assert health.trouble(30.0) is None


def test_a_user_who_may_only_read_is_trouble_although_reading_works() -> None:
    health = AriHealth()
    health.answered(403, "POST /ari/y: 403", 10.0)
    health.answered(200, "GET /ari/x: 200", 11.0)
    trouble = health.trouble(10.0 + LATER)
    assert trouble
    assert "POST /ari/y: 403" in trouble.text
    health.answered(204, "DELETE /ari/y: 204", 20.0)
    assert health.trouble(30.0) is None


@pytest.mark.parametrize(("method", "status"), [("POST", 500), ("GET", 404), ("DELETE", 404), ("POST", 409)])
def test_an_answer_about_one_object_is_no_trouble(method: str, status: int) -> None:
    health = AriHealth()
    health.answered(status, f"{method} /ari/channels/1.1: {status}", 10.0)
    assert health.trouble(10.0 + LATER) is None


@pytest.mark.parametrize("path", ["/ari/channels", "/ari/events"])
def test_a_server_that_lacks_a_list_is_not_ari(path: str) -> None:
    health = AriHealth()
    health.answered(404, f"GET {path}: 404", 10.0)
    trouble = health.trouble(10.0 + LATER)
    assert trouble
    assert trouble.kind == "foreign"
    assert "not as ARI does: compare asterisk.ari.url" in trouble.text
    health.answered(200, "GET /ari/channels: 200", 20.0)
    assert health.trouble(30.0) is None


def test_a_server_error_to_a_write_ends_no_refusal() -> None:
    health = AriHealth()
    health.answered(403, "POST /ari/x: 403", 10.0)
    health.answered(500, "POST /ari/x: 500", 11.0)
    assert health.trouble(10.0 + LATER)


def test_since_is_the_first_and_the_answer_the_last() -> None:
    health = AriHealth()
    health.failed("unreachable", 10.0, "GET /ari/x: refused")
    health.failed("hangs", 14.0, "GET /ari/x: no answer in 5 s")
    trouble = health.trouble(14.0)
    assert trouble
    assert (trouble.kind, trouble.since) == ("hangs", 10.0)
    assert "no answer in 5 s" in trouble.text
    assert "2170" in trouble.text


def test_a_lock_on_the_applications_is_trouble_although_all_else_is_answered() -> None:
    health = AriHealth()
    health.answered(200, "GET /ari/applications: 200", 9.0)
    health.failed("hangs", 10.0, "GET /ari/applications: no answer in 5 s")
    health.answered(200, "GET /ari/channels: 200", 16.0)
    trouble = health.trouble(17.0)
    assert trouble
    assert trouble.kind == "hangs"
    health.answered(200, "GET /ari/applications: 200", 18.0)
    assert health.trouble(30.0) is None


def test_a_connect_to_the_events_frees_the_applications() -> None:
    health = AriHealth()
    health.failed("hangs", 10.0, "GET /ari/events: no answer in 5 s")
    assert health.trouble(15.0)
    health.answered(101, "GET /ari/events: 101", 16.0)
    assert health.trouble(30.0) is None


def test_a_silence_that_later_requests_overtook_tells_nothing() -> None:
    health = AriHealth()
    health.answered(200, "GET /ari/channels: 200", 12.0)
    health.failed("hangs", 10.0, "GET /ari/bridges: no answer in 5 s")
    assert health.trouble(15.0) is None
    health.failed("hangs", 13.0, "GET /ari/bridges: no answer in 5 s")
    assert health.trouble(18.0)
