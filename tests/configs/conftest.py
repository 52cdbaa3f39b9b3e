"""Runs of every overlay; what they draw is judged elsewhere."""

from support.bundle import quick_pictures as quick_pictures
