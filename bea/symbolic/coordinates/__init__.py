"""The carrier in coordinates: from a loss, a field or a step to columns over a ring."""
