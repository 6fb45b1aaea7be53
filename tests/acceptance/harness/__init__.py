"""A whole node and its PBX on one clock: nothing waits for real, and a script takes the same seconds each time."""
