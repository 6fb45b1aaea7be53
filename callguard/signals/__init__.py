"""Signals: the table of present values, the turn-taking of a call, and the snapshot for boards."""
