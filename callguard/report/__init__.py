"""`callguard report`: one call's timeline, as facts and as a self-contained page."""

from callguard.report.page import page
from callguard.report.timeline import Timeline, timeline

__all__ = ["Timeline", "page", "timeline"]
