"""What tests on the real Asterisk share."""
