"""Receivers of alerts: webhook, e-mail, Asterisk's own records. No receiver waits for another."""
