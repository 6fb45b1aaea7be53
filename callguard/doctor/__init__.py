"""Check Asterisk, AMI and Redis, and prove by a self-test call that no party hears a leg that it must not hear."""
