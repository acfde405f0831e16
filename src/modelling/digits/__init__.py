"""The first experiment: a small ResNet on handwritten digits."""
