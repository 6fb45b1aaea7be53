"""Receivers of alerts besides Redis and the supervisor's phone."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from callguard.config.base import Port, Secret, Section


class Webhook(Section):
    """One HTTP receiver of alerts."""

    url: Secret = Field(description="URL to post to (a secret: chat webhooks carry their key in the URL).")
    style: Literal["cloudevents", "slack", "teams"] = Field("cloudevents", description="Shape of the body.")
    signing_key: Secret = Field(Secret(), description="Key of the HMAC-SHA256 signature header.")
    repeat_interval_s: float = Field(
        300.0,
        ge=0,
        le=86400,
        description="Seconds after which an open alert that no supervisor took is sent again; 0: never.",
    )


class Email(Section):
    """One mailbox that receives alerts."""

    to: tuple[str, ...] = Field(min_length=1, description="Recipients.")
    sender: str = Field("callguard@localhost", description="From address.")
    host: str = Field("127.0.0.1", description="SMTP server.")
    port: Port = Field(25, description="SMTP port.")
    user: str | None = Field(None, description="SMTP user.")
    password: Secret = Field(Secret(), description="Password of that user.")
    starttls: bool = Field(True, description="Whether STARTTLS is required.")
    repeat_interval_s: float = Field(
        300.0,
        ge=0,
        le=86400,
        description="Seconds after which an open alert that no supervisor took is sent again; 0: never.",
    )


class Watchdog(Section):
    """An alert that always fires: a receiver that no longer gets it knows that alerts don't reach it."""

    receivers: tuple[str, ...] = Field(
        (),
        examples=['["webhook:chat"]'],
        description="Receivers, named as in `actions`; an empty list switches the watchdog off.",
    )
    every_s: float = Field(300.0, ge=1, le=86400, description="Seconds between two watchdog alerts.")


class Notify(Section):
    """Receivers besides Redis and the supervisor's phone; a rule names them in `actions`."""

    webhooks: dict[str, Webhook] = Field({}, description="Webhooks by name; action `webhook:NAME`.")
    emails: dict[str, Email] = Field({}, description="Mailboxes by name; action `email:NAME`.")
    queue_log: bool = Field(False, description="Whether alerts are also written to queue_log (AMI QueueLog).")
    user_event: bool = Field(False, description="Whether alerts are also sent as AMI UserEvent.")
    cel: bool = Field(False, description="Whether alerts are also marked in CEL (dialplan context callguard-cel).")
    give_up_after_h: float = Field(
        24.0,
        gt=0,
        le=720,
        description="Hours for which an alert is retried at a failing receiver before it is dropped.",
    )
    watchdog: Watchdog = Field(
        Watchdog(), description="An alert that always fires and so proves that alerts reach receivers."
    )

    @field_validator("watchdog")
    @classmethod
    def _known_receivers(cls, watchdog: Watchdog, info: ValidationInfo) -> Watchdog:
        known = [f"{kind}:{name}" for kind in ("webhook", "email") for name in info.data.get(f"{kind}s", {})]
        known += [name for name in ("queue_log", "user_event", "cel") if info.data.get(name)]
        if unknown := [name for name in watchdog.receivers if name not in known]:
            raise ValueError(f"no receiver {', '.join(unknown)}; configured: {', '.join(known) or 'none'}")
        return watchdog
