"""The published experiment: ImageNet's ResNet-18 fine-tuned on satellite images, draw by draw as it was."""
