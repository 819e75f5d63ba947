"""The differential ring of an input, and the other algebras in which components are exact."""
