"""What the experiments are compared with, and made data in place of the real: for tests and measurements."""
