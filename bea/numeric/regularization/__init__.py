"""Gradient regularization: slope, R_IG, EGR, the tangent kernel, and the bound on norms."""
