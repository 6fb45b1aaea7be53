"""`callguard report`: one call's timeline, as facts and as a page that needs nothing else."""

from callguard.report.page import page
from callguard.report.timeline import Timeline, timeline

__all__ = ["Timeline", "page", "timeline"]
