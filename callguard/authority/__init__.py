"""Who may do what: one decision for all doors, and the proof of a sender's name. Pure."""

from callguard.authority.asker import Asker
from callguard.authority.authority import Ask, Authority, ForbiddenError, Grant
from callguard.authority.teams import Teams

__all__ = ["Ask", "Asker", "Authority", "ForbiddenError", "Grant", "Teams"]
