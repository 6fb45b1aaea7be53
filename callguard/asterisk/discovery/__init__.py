"""Discover conversations: events in, calls out. Pure."""
