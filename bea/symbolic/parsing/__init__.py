"""Text in: what a user types, read through a whitelist and bounded before it is built."""
