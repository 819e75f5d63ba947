"""Lessons: one file each, read from top to bottom, with `bea` as its users have it."""
