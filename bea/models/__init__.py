"""The paper's models and data sets: losses, networks, printed settings, and nothing derived."""
