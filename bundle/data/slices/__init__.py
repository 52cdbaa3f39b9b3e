"""Slices: what lies on disk and in a batch."""
