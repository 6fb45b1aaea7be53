"""Sends alerts to HTTP receivers: CloudEvents, Slack, Teams."""

import time
from typing import Final

import aiohttp

from callguard.config import Webhook
from callguard.contracts.events import Envelope
from callguard.notify.formats import CONTENT_TYPES, body
from callguard.notify.receiver import RefusedError, UndeliverableError
from callguard.notify.signature import HEADER, sign

TIMEOUT_S: Final = 10.0
_FOR_GOOD: Final = (400, 410, 413, 415, 422)
"""Statuses that refuse a message for good. Others (an expired key, a proxy without its server) are temporary."""


class WebhookSender:
    """Posts envelopes to one receiver. It follows no redirects: a signed body goes only to the configured URL."""

    def __init__(self, config: Webhook, session: aiohttp.ClientSession) -> None:
        self._url = config.url.read().get_secret_value()
        self._key = config.signing_key.read().get_secret_value()
        self._style = config.style
        self._session = session

    async def __call__(self, envelope: Envelope) -> None:
        """Post one envelope; raise unless the receiver answers 2xx."""
        content = body(self._style, envelope)
        headers = {"Content-Type": CONTENT_TYPES[self._style], "User-Agent": "callguard"}
        if self._key:
            headers[HEADER] = sign(self._key, content, int(time.time()))
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        request = self._session.post(self._url, data=content, headers=headers, timeout=timeout, allow_redirects=False)
        async with request as response:
            status = response.status
        if status in _FOR_GOOD:
            raise UndeliverableError(f"HTTP {status}")
        if not 200 <= status < 300:
            raise RefusedError(f"HTTP {status}")
