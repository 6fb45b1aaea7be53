"""What alerts ask of the outside world."""

from dataclasses import dataclass

from callguard.contracts.events import AlertEvent
from callguard.contracts.vocabulary import JoinMode


@dataclass(frozen=True, slots=True)
class RingSupervisors:
    """Ring all of them at once; the first to answer joins the call in `mode`."""

    alert: str
    call: str
    supervisors: tuple[str, ...]
    """Names, see SupervisorConfig."""
    tier: int
    mode: JoinMode
    timeout_s: float


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Stop what RingSupervisors with the same alert began; whoever answered already stays."""

    alert: str


@dataclass(frozen=True, slots=True)
class PromptAgent:
    """Play a prompt to the agent alone. `alert` is empty for a private rule: nobody else may learn of it."""

    alert: str
    call: str
    prompt: str


@dataclass(frozen=True, slots=True)
class SendTo:
    """Tell one receiver: webhook:NAME, email:NAME, queue_log, user_event, cel."""

    receiver: str
    event: AlertEvent


@dataclass(frozen=True, slots=True)
class StopRepeating:
    """Somebody owns the alert: its receivers get it no more until it ends."""

    alert: str


@dataclass(frozen=True, slots=True)
class ForgetCall:
    """A party of the call opted out: send no receiver anything more of what was inferred."""

    call: str


Effect = RingSupervisors | StopRinging | PromptAgent | SendTo | StopRepeating | ForgetCall
