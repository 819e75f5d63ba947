"""Rooted trees, and the coefficients of B-series over all of them."""
