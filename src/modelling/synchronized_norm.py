"""Batch norm over the shares of several processes, as if one process had the whole batch."""

from typing import Any

import torch
from torch import Tensor, distributed, nn


class SynchronizedBatchNorm(nn.BatchNorm2d):
    """What torch.nn.SyncBatchNorm is, which refuses to run on a CPU: the same parameters, buffers and names.

    Mean and variance are those of all processes' images (N, C, H, W), the gradient goes through both.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        """Takes over the parameters and buffers of `norm`."""
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        # The kind that autocast leaves alone, as PyTorch's own batch norm does.
        wide = x if x.dtype == torch.float64 else x.float()
        count = torch.tensor(float(wide.numel() // self.num_features), dtype=wide.dtype)
        distributed.all_reduce(count)
        # Centred before it is squared: E[x²] - E[x]² would lose the digits of a small variance.
        mean = _Sum.apply(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum((0, 2, 3))) / count
        self._move(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _move(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics, of which the variance is the unbiased one, as PyTorch does."""
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


class _Sum(torch.autograd.Function):
    """The sum over the processes; what it does to the losses of all comes back to each as its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        result = values.clone()
        distributed.all_reduce(result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        result = gradient.contiguous().clone()
        distributed.all_reduce(result)
        return result


def synchronize_norms(network: nn.Module) -> None:
    """Replaces the batch norms in a network; the parameters stay the same objects."""
    if any(parameter.is_cuda for parameter in network.parameters()):
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            network.add_module(name, SynchronizedBatchNorm(child))
        else:
            synchronize_norms(child)
