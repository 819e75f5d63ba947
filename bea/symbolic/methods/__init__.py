"""One-step methods as Butcher tableaus: their check, the named ones, and their composition."""
