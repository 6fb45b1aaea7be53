"""Upkeep of our objects in Asterisk: compares what should exist with what does, and acts until both agree."""
