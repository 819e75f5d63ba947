"""Theorem 3.1 on networks, one step at a time; what it found is in results/networks/."""
