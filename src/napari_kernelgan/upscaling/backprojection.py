"""Making a result agree with its input."""

from __future__ import annotations

from torch import Tensor

from ..kernels.forward import degrade_tensor
from .bicubic import enlarge


def back_project(result: Tensor, image: Tensor, kernel: Tensor, scale: int, steps: int) -> Tensor:
    """Add, `steps` times, the enlarged difference between the input and the degraded result; (1, C, Y, X) each."""
    for _ in range(steps):
        result = result + enlarge(image - degrade_tensor(result, kernel, scale), scale)
    return result


def keep_mean(result: Tensor, image: Tensor) -> Tensor:
    """Shift each channel so that its mean is that of the input: intensities are measurements."""
    # float64 on the CPU, since MPS has none
    means = [tensor.cpu().double().mean((2, 3), keepdim=True) for tensor in (image, result)]
    return result + (means[0] - means[1]).to(result.dtype).to(result.device)
