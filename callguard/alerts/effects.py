"""Effects: what control carries out in the outside world for alerts."""

from dataclasses import dataclass

from callguard.contracts.events import AlertEvent
from callguard.contracts.vocabulary import JoinMode


@dataclass(frozen=True, slots=True)
class RingSupervisors:
    """Ring all supervisors at once; the first to answer joins the call in `mode`."""

    alert: str
    call: str
    supervisors: tuple[str, ...]
    """Names, see SupervisorConfig."""
    tier: int
    mode: JoinMode
    timeout_s: float


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Stop the ring of the same alert; a supervisor who has answered stays."""

    alert: str


@dataclass(frozen=True, slots=True)
class PromptAgent:
    """Play a prompt to the agent alone. `alert` is empty for a private rule, which nobody else may learn of."""

    alert: str
    call: str
    prompt: str


@dataclass(frozen=True, slots=True)
class SendTo:
    """Send the alert to one receiver: webhook:NAME, email:NAME, queue_log, user_event, cel."""

    receiver: str
    event: AlertEvent


@dataclass(frozen=True, slots=True)
class StopRepeating:
    """Stop repeating the alert to its receivers, because a supervisor owns it; they still get its end."""

    alert: str


@dataclass(frozen=True, slots=True)
class ForgetCall:
    """Send receivers no more inferred facts about the call: a party opted out."""

    call: str


Effect = RingSupervisors | StopRinging | PromptAgent | SendTo | StopRepeating | ForgetCall
