"""A real Asterisk on demand and a farm of SIP phones, for the demo, for `doctor` and for integration tests."""
