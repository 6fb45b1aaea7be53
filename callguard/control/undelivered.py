"""Says at the end of the service what is not delivered yet, and where it waits."""

from collections import Counter

import structlog

from callguard.bus.spool import AUDIT, EVENT
from callguard.history.recorder import ERASURE
from callguard.notify.deliveries import OWED
from callguard.runtime.journal import Journal

log = structlog.get_logger(__name__)


def undelivered(journal: Journal) -> dict[str, object]:
    """Return how much of what waits, by kind; nothing for kinds of which nothing waits."""
    events, audit, erasures = (len(journal.records(kind)) for kind in (EVENT, AUDIT, ERASURE))
    messages = Counter(key.rpartition("|")[0] for key in journal.records(OWED))
    counts = {"events": events, "audit_entries": audit, "messages": dict(messages), "deletions": erasures}
    return {kind: count for kind, count in counts.items() if count}


def tell_undelivered(journal: Journal) -> None:
    """Log it. What the disk does not take is lost with this process, and that is said too."""
    counts = undelivered(journal)
    if counts and not journal.commit():
        log.error("undelivered_lost", **counts, why=journal.failing)
    elif counts:
        log.warning("undelivered", **counts, kept_in=str(journal.path), goes_out="at the next start")
