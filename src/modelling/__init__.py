"""Data, model and training."""
