"""Drawings of rooted trees: where everything stands, as SVG, and with matplotlib."""
