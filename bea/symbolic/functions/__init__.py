"""The elementary and special functions: rules of derivation, and how they depend on each other."""
