"""Each status has an error of its own kind, which says what was asked and what Asterisk answered."""

import pytest

from callguard.asterisk.errors import (
    AriError,
    ConflictError,
    NotFoundError,
    RefusedError,
    ServerError,
    UnprocessableError,
    UnreachableError,
    error_of,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, RefusedError), (401, RefusedError), (403, RefusedError), (404, NotFoundError), (409, ConflictError),
     (422, UnprocessableError), (500, ServerError), (503, ServerError), (418, ServerError)],
)  # fmt: skip
def test_an_answer_becomes_an_error_of_its_kind(status: int, kind: type[AriError]) -> None:
    error = error_of("GET /ari/channels", status, "a\nlong  answer" + "x" * 500)
    assert type(error) is kind
    assert error.status == status
    assert str(error).startswith(f"GET /ari/channels: {status} a long answerx")
    assert len(str(error)) < 250


def test_silence_is_told_from_no_connection() -> None:
    assert UnreachableError("x", hangs=True).hangs
    assert not UnreachableError("x").hangs
    assert UnreachableError("x").status == 0
