"""Fixtures for all tests."""

from tests.support.valkey import redis_url, stoppable_valkey, valkey_session_url

__all__ = ["redis_url", "stoppable_valkey", "valkey_session_url"]
