"""The language of rule expressions, from text to syntax tree."""
