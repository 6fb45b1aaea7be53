"""Logs at the end of the service what is not delivered yet, and the file in which it waits."""

from collections import Counter

import structlog

from callguard.bus.spool import AUDIT, EVENT
from callguard.history.recorder import ERASURE
from callguard.notify.deliveries import OWED
from callguard.runtime.journal import Journal

log = structlog.get_logger(__name__)


def undelivered(journal: Journal) -> dict[str, object]:
    """Return the counts of undelivered records by kind, without kinds that have none."""
    events, audit, erasures = (len(journal.records(kind)) for kind in (EVENT, AUDIT, ERASURE))
    messages = Counter(key.rpartition("|")[0] for key in journal.records(OWED))
    counts = {"events": events, "audit_entries": audit, "messages": dict(messages), "deletions": erasures}
    return {kind: count for kind, count in counts.items() if count}


def tell_undelivered(journal: Journal) -> None:
    """Log the counts. Records that the disk refuses are lost with this process; the log says so."""
    counts = undelivered(journal)
    if counts and not journal.commit():
        log.error("undelivered_lost", **counts, why=journal.failing)
    elif counts:
        log.warning("undelivered", **counts, kept_in=str(journal.path), goes_out="at the next start")
