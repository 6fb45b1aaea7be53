"""The errors of a request to ARI."""

from typing import Final


class AriError(Exception):
    """A REST request failed; the message holds method, path and Asterisk's reason, never credentials."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


class NotFoundError(AriError):
    """404: the object is gone; a channel has hung up."""


class ConflictError(AriError):
    """409: the object is in the wrong state, such as a channel outside our application."""


class UnprocessableError(AriError):
    """422: the object does not allow the request."""


class RefusedError(AriError):
    """400, 401, 403: a wrong request, or wrong credentials."""


class ServerError(AriError):
    """5xx: Asterisk failed."""


class UnreachableError(AriError):
    """No connection, or no answer within the time limit; `hangs`: connected, but no answer."""

    def __init__(self, what: str, *, hangs: bool = False) -> None:
        super().__init__(what)
        self.hangs = hangs


ERRORS: Final[dict[int, type[AriError]]] = {
    400: RefusedError,
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableError,
}


def error_of(what: str, status: int, text: str) -> AriError:
    """Return the error of an answer, with the request, its status and Asterisk's reason."""
    kind = ERRORS.get(status, ServerError)
    return kind(f"{what}: {status} {' '.join(text.split())[:200]}", status)
