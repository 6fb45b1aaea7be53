"""Builds all configured receivers, by the names that rules use."""

from typing import Final

import aiohttp

from callguard.config import Notify
from callguard.notify.ami import AmiSend, QueueLogSender, UserEventSender
from callguard.notify.cel import CelSender, Mark
from callguard.notify.mail import MailSender
from callguard.notify.receiver import Count, Receiver, Send
from callguard.notify.webhook import WebhookSender
from callguard.runtime.journal import Journal

HOUR_S: Final = 3600.0


def build_senders(
    notify: Notify, session: aiohttp.ClientSession, ami: AmiSend | None, mark: Mark | None
) -> dict[str, Send]:
    """Return the sender of each receiver by name; raise ConfigError when a secret can't be read.

    Without `ami` there is no queue_log and no user_event, without `mark` no cel.
    """
    senders: dict[str, Send] = {
        f"webhook:{name}": WebhookSender(each, session) for name, each in notify.webhooks.items()
    }
    senders |= {f"email:{name}": MailSender(each) for name, each in notify.emails.items()}
    if ami and notify.queue_log:
        senders["queue_log"] = QueueLogSender(ami)
    if ami and notify.user_event:
        senders["user_event"] = UserEventSender(ami)
    if mark and notify.cel:
        senders["cel"] = CelSender(mark)
    return senders


def build_receivers(
    notify: Notify,
    session: aiohttp.ClientSession,
    ami: AmiSend | None,
    mark: Mark | None,
    count: Count,
    journal: Journal,
) -> dict[str, Receiver]:
    """Return every configured receiver; raise ConfigError when a secret can't be read."""
    repeats = {f"webhook:{name}": each.repeat_interval_s for name, each in notify.webhooks.items()}
    repeats |= {f"email:{name}": each.repeat_interval_s for name, each in notify.emails.items()}
    give_up_s = notify.give_up_after_h * HOUR_S
    return {
        name: Receiver(name, send, count, journal, repeat_s=repeats.get(name, 0.0), give_up_s=give_up_s)
        for name, send in build_senders(notify, session, ami, mark).items()
    }
