"""Fine-tuning an ImageNet ResNet-18 on a folder of images, draw by draw as the published experiment did."""
