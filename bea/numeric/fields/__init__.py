"""Modified fields of any JAX function: by the recursion, and from iterates alone."""
