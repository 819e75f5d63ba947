"""Training runs of many models: steps, evaluation, checkpoints, tables."""
