"""Is an expression identically zero? Yes, no, or not decided."""
