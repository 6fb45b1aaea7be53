"""What is kept of calls and callers, and its end at an opt-out."""
