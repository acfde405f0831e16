"""The published training, written from its description: what ours is held against and measured beside.

Every image is decoded, resized and normalized again in every epoch, one after the other, in the process that
trains: with torchvision's parts where they are there, else with their equals made of Pillow and PyTorch.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, random_split

from src.images.image_folder import ImageFolder
from src.modelling.eurosat.settings import FinetuneSettings, Sources
from src.modelling.resnet import resnet18

EDGE = 224
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet, as published


class Images(Dataset[tuple[Tensor, int]]):
    """What torchvision's ImageFolder with Resize, ToTensor and Normalize gives, without it."""

    def __init__(self, root: Path) -> None:
        self.folder = ImageFolder.read(root)
        self.samples = [(str(path), 0) for path in self.folder.paths(range(len(self.folder)))]
        self._mean, self._std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        with Image.open(self.samples[place][0]) as file:
            image = file.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BILINEAR)
        levels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        pixels = levels.to(torch.float32).div(255).sub_(self._mean).div_(self._std)
        return pixels, int(self.folder.labels[place])


def open_images(root: Path, torchvision: ModuleType | None) -> Any:
    if torchvision is None:
        return Images(root)
    transforms = torchvision.transforms
    steps = [transforms.Resize((EDGE, EDGE)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    return torchvision.datasets.ImageFolder(str(root), transforms.Compose(steps))


@dataclass
class Published:
    """Results by epoch as they come, in seconds from the first line of the loop.

    `logits` are those of the last validation, on the CPU, of the images that `validation` names.
    """

    model: nn.Module
    validation: list[str]
    training_loss: list[float] = field(default_factory=list)
    training_correct: list[int] = field(default_factory=list)
    validation_correct: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    logits: Tensor = field(default_factory=lambda: torch.empty(0))


def published_loop(
    sources: Sources,
    settings: FinetuneSettings,
    torchvision: ModuleType | None,
    goes_on: Callable[[Published], bool] = lambda so_far: True,
    statistics_move: bool = True,
) -> Published:
    """Trains for so many epochs, or until `goes_on` says no after one.

    With statistics that stay, every training step sees what validation sees; published is that they move.
    """
    begin = time.perf_counter()
    device = settings.device
    np.random.seed(settings.seed)
    torch.manual_seed(settings.seed)
    model = resnet18() if torchvision is None else torchvision.models.resnet18()
    model.load_state_dict(torch.load(sources.weights, weights_only=True))
    for parameter in model.parameters():
        parameter.requires_grad = False
    images = open_images(sources.data, torchvision)
    model.fc = nn.Linear(model.fc.in_features, 10)
    model.to(device)
    tenth = Subset(images, np.random.permutation(len(images))[: int(0.1 * len(images))].tolist())
    size = int(0.8 * len(tenth))
    training, validation = random_split(tenth, [size, len(tenth) - size])
    training_loader = DataLoader(training, batch_size=settings.batch_size, shuffle=True)
    validation_loader = DataLoader(validation, batch_size=settings.batch_size, shuffle=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    files = [images.samples[tenth.indices[place]][0] for place in validation.indices]
    result = Published(model, [str(Path(file).relative_to(sources.data)) for file in files])
    for _ in range(settings.epochs):
        model.train(statistics_move)
        _train(model, optimizer, training_loader, device, result)
        _validate(model, validation_loader, device, result)
        result.seconds.append(time.perf_counter() - begin)
        if not goes_on(result):
            break
    return result


def _train(model: nn.Module, optimizer: Any, loader: Any, device: str, result: Published) -> None:
    criterion = nn.CrossEntropyLoss()
    running_loss, correct = 0.0, 0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        correct += int((outputs.argmax(1) == labels).sum().item())
    result.training_loss.append(running_loss / len(loader))
    result.training_correct.append(correct)


@torch.no_grad()
def _validate(model: nn.Module, loader: Any, device: str, result: Published) -> None:
    model.eval()
    logits, targets = [], []
    for inputs, labels in loader:
        logits.append(model(inputs.to(device)).cpu())
        targets.append(labels)
    result.logits = torch.cat(logits)
    result.validation_correct.append(int((result.logits.argmax(1) == torch.cat(targets)).sum()))
