"""From exact corrections to numbers, in JAX and in multiprecision, with their digits checked."""
