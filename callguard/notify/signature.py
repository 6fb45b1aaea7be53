"""The signature of a webhook: HMAC-SHA256 over time and body, so that a receiver knows the sender. Pure."""

import hashlib
import hmac
from typing import Final

HEADER: Final = "CallGuard-Signature"
TOLERANCE_S: Final = 300
"""Oldest accepted signature, in seconds: a recorded request can't be sent again later."""


def sign(key: str, body: bytes, now: int) -> str:
    """Return the header's value, `t=<Unix time>,v1=<hex>`. The signature covers the time, a full stop and the body."""
    return f"t={now},v1={_digest(key, body, now)}"


def is_valid(key: str, body: bytes, header: str, now: int) -> bool:
    """Check a header as a receiver does."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE_S:
        return False
    return hmac.compare_digest(parts.get("v1", "").encode(), _digest(key, body, int(stamp)).encode())


def _digest(key: str, body: bytes, now: int) -> str:
    return hmac.new(key.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
