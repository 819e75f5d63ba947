"""Flows of vector fields: in float64 by diffrax, in multiprecision by extrapolation."""
