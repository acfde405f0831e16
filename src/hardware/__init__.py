"""Which GPUs this machine has, what PyTorch and TensorFlow make of them, and how fast they multiply."""
