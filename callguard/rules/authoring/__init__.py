"""Rules as files and as tests: reading, checking, unit tests, back-tests, verdicts."""
