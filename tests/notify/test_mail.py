"""Mails reach a real SMTP server; its answers decide what happens next."""

import email
from collections.abc import AsyncIterator
from email import policy

import aiosmtplib
import pytest

from callguard.config import Email
from callguard.contracts.events import envelope
from callguard.notify.mail import MailSender
from callguard.notify.receiver import UndeliverableError
from tests.support.events import alert_fired
from tests.support.smtp import SmtpSink, smtp_sink


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with smtp_sink() as sink:
        yield sink


def sender(sink: SmtpSink, **options: object) -> MailSender:
    defaults = {"to": ("floor@example.org", "ops@example.org"), "port": sink.port, "starttls": False}
    return MailSender(Email.model_validate(defaults | options))


async def test_a_mail_says_what_happened(sink: SmtpSink) -> None:
    await sender(sink)(envelope(alert_fired(queue="Größe"), "n1"))

    (raw,) = sink.messages
    mail = email.message_from_string(raw, policy=policy.default)
    assert mail["Subject"] == "[warning] Customer's voice rose"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert sink.recipients == ["floor@example.org", "ops@example.org"]
    assert "Queue: Größe" in mail.get_content()


async def test_events_of_one_alert_make_one_thread(sink: SmtpSink) -> None:
    for _ in range(2):
        await sender(sink)(envelope(alert_fired(alert="a7"), "n1"))

    mails = [email.message_from_string(raw, policy=policy.default) for raw in sink.messages]
    assert {mail["References"] for mail in mails} == {"<a7@localhost>"}
    assert len({mail["Message-ID"] for mail in mails}) == 2


async def test_a_hostile_summary_can_not_add_a_header(sink: SmtpSink) -> None:
    hostile = alert_fired(annotations={"summary": "x\r\nBcc: evil@example.org"})
    await sender(sink)(envelope(hostile, "n1"))

    mail = email.message_from_string(sink.messages[0], policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[warning] x Bcc: evil@example.org"


async def test_refused_for_good(sink: SmtpSink) -> None:
    sink.moods = ["550 nobody", "550 nobody"]
    with pytest.raises(UndeliverableError, match="SMTP 550"):
        await sender(sink)(envelope(alert_fired(), "n1"))


async def test_refused_for_now(sink: SmtpSink) -> None:
    sink.moods = ["451 later", "451 later"]
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await sender(sink)(envelope(alert_fired(), "n1"))


async def test_tls_that_the_server_can_not_do_is_never_gone_without(sink: SmtpSink) -> None:
    with pytest.raises(aiosmtplib.SMTPException):
        await sender(sink, starttls=True)(envelope(alert_fired(), "n1"))
    assert sink.messages == []
