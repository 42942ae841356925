"""Limits on positions and on the book: kernels that back-test and live both call."""
