"""Residual networks (He et al. 2016, https://arxiv.org/abs/1512.03385) in plain PyTorch.

`resnet18` names and initializes its parameters as torchvision does, so that published weights load with
`strict=True` and a seed draws the same random weights. `small_resnet` is for images of 8x8 to 32x32 pixels.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

RESNET18_WIDTHS = (64, 128, 256, 512)
SMALL_WIDTHS = (16, 32, 64)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: (N, before, H, W) -> (N, after, H/stride, W/stride)."""

    def __init__(self, before: int, after: int, stride: int, dtype: torch.dtype) -> None:
        super().__init__()
        # The shortcut is made before the convolutions and registered after them: this is the order in which
        # torchvision draws its random weights.
        shortcut = _shortcut(before, after, stride, dtype)
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False, dtype=dtype)
        self.bn1 = nn.BatchNorm2d(after, dtype=dtype)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False, dtype=dtype)
        self.bn2 = nn.BatchNorm2d(after, dtype=dtype)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        residual += x if self.downsample is None else self.downsample(x)
        return self.relu(residual)


class ResNet(nn.Module):
    """A stem, stages of `BasicBlock`s named layer1, layer2, ..., and a linear classifier.

    Takes (N, channels, H, W), normalized, and returns logits (N, classes).
    """

    def __init__(
        self, stem: "OrderedDict[str, nn.Module]", widths: Sequence[int], depth: int, classes: int,
        dtype: torch.dtype,
    ) -> None:  # fmt: skip
        super().__init__()
        for name, module in stem.items():
            self.add_module(name, module)
        self._features = [*stem, *(f"layer{i}" for i in range(1, len(widths) + 1)), "avgpool"]
        before = widths[0]
        for i, width in enumerate(widths):
            self.add_module(f"layer{i + 1}", _stage(before, width, 1 if i == 0 else 2, depth, dtype))
            before = width
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(widths[-1], classes, dtype=dtype)
        self._initialize()

    def _initialize(self) -> None:
        """Draws convolution weights from N(0, 2 / fan_out) (He et al. 2015); the classifier keeps its own."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """What the classifier sees: (N, channels, H, W) -> (N, widths[-1])."""
        for name in self._features:
            x = self.get_submodule(name)(x)
        return torch.flatten(x, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))


def resnet18(classes: int = 1000, dtype: torch.dtype = torch.float32) -> ResNet:
    """ResNet-18 for RGB images, usually 224x224: 62 parameters and 60 buffers with torchvision's names."""
    stem = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False, dtype=dtype),
        bn1=nn.BatchNorm2d(64, dtype=dtype),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    return ResNet(stem, RESNET18_WIDTHS, 2, classes, dtype)


def small_resnet(
    classes: int = 10,
    channels: int = 1,
    widths: Sequence[int] = SMALL_WIDTHS,
    dtype: torch.dtype = torch.float32,
) -> ResNet:
    """A ResNet for small images: a 3x3 stem that keeps the resolution and one block for each width."""
    stem = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(channels, widths[0], 3, padding=1, bias=False, dtype=dtype),
        bn1=nn.BatchNorm2d(widths[0], dtype=dtype),
        relu=nn.ReLU(inplace=True),
    )
    return ResNet(stem, widths, 1, classes, dtype)


def _stage(before: int, after: int, stride: int, depth: int, dtype: torch.dtype) -> nn.Sequential:
    first = BasicBlock(before, after, stride, dtype)
    return nn.Sequential(first, *(BasicBlock(after, after, 1, dtype) for _ in range(depth - 1)))


def _shortcut(before: int, after: int, stride: int, dtype: torch.dtype) -> nn.Sequential | None:
    """A 1x1 convolution where the shape changes; None where the input itself is added."""
    if stride == 1 and before == after:
        return None
    return nn.Sequential(
        nn.Conv2d(before, after, 1, stride=stride, bias=False, dtype=dtype),
        nn.BatchNorm2d(after, dtype=dtype),
    )
