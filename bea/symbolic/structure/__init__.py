"""Gradient structure: free trees, symmetric matrices, and both on a concrete loss."""
