"""Supervisors in calls: ringing, rooms, modes, prompts, and the codes that agents key."""
