"""Local errors of one step: orders, leading constants, and the round-off floor."""
