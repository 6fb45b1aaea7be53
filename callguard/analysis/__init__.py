"""Offline analysis: recordings through the live pipeline, scores on labelled data, plots."""
