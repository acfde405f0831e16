"""The experiment: Python that runs in the environment and knows nothing of how it was started."""
