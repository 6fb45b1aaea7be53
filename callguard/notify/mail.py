"""Sends alerts by e-mail."""

from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

import aiosmtplib

from callguard.config import Email
from callguard.contracts.events import Envelope
from callguard.notify.formats import describe
from callguard.notify.receiver import RefusedError, UndeliverableError

TIMEOUT_S: Final = 20.0


class MailSender:
    """Sends envelopes as plain text to one list of recipients."""

    def __init__(self, config: Email) -> None:
        self._config = config
        self._password = config.password.read().get_secret_value() or None

    async def __call__(self, envelope: Envelope) -> None:
        """Send one envelope; raise when the server does not take it."""
        config = self._config
        try:
            await aiosmtplib.send(
                self.message(envelope),
                hostname=config.host,
                port=config.port,
                username=config.user,
                password=self._password if config.user else None,
                start_tls=config.starttls,
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = {refusal.code for refusal in error.recipients}
            if min(codes) >= 500:
                raise UndeliverableError(f"SMTP {min(codes)}: no recipient taken") from None
            raise
        except aiosmtplib.SMTPAuthenticationError as error:
            raise RefusedError(f"SMTP {error.code}: login refused") from None
        except aiosmtplib.SMTPResponseException as error:
            if error.code >= 500:
                raise UndeliverableError(f"SMTP {error.code}") from None
            raise

    def message(self, envelope: Envelope) -> EmailMessage:
        """Return the mail; events of one alert make one thread."""
        text, config = describe(envelope), self._config
        domain = config.sender.rsplit("@", 1)[-1]
        mail = EmailMessage()
        mail["From"] = config.sender
        mail["To"] = ", ".join(config.to)
        mail["Subject"] = text.title
        mail["Date"] = format_datetime(envelope.time)
        mail["Message-ID"] = make_msgid(envelope.id, domain)
        mail["References"] = f"<{envelope.data['alert']}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text.plain())
        return mail
