"""Looks at Asterisk, AMI and Redis, and proves on a call of its own that nobody hears what they must not."""
