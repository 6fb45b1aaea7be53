"""Records of calls and callers, and their deletion at an opt-out."""
