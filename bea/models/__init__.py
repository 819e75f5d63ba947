"""The paper's models: their losses, data and printed settings, and nothing derived from them."""
