"""Expressions: text to syntax tree."""
