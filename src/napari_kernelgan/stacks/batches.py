"""How many kernels are estimated together: as many as memory allows, and no more than help."""

from __future__ import annotations

from math import prod

from ..config import HybridConfig, KernelGANConfig, RecurrenceConfig, SpectralConfig
from ..devices import resolve_device
from ..estimate.api import MethodConfig
from ..images.layout import Layout
from .units import CROP, CROPS, is_large

USED = 0.25
"""Part of the free memory that a batch may take."""
MOST_CPU, MOST_GPU = 16, 256
"""Kernels at a time beyond which nothing is gained.

On a CPU, planes of 128 x 128 px, one thread: KernelGAN is 1.4, 1.8, 2.05, 2.07 and 2.05 times as fast with 2, 4, 8, 16 and 32 at a time as
with one; spectra 1.1 times from 2 on (benchmarks/batches.py). On GPUs it has not been measured.
"""
COPIES = 6
"""So many float32 copies of a plane exist while its kernel is estimated."""
NETWORKS = 40e6
"""Bytes that training the networks of one problem takes besides."""


def batch_size(settings: MethodConfig, layout: Layout, pooled: int, device: str, workers: int = 1) -> int:
    """How many kernels to estimate at a time.

    Parameters
    ----------
    settings : SpectralConfig, KernelGANConfig, HybridConfig or RecurrenceConfig
    layout : Layout
        Of the image.
    pooled : int
        Planes that each kernel is estimated from.
    device : str
    workers : int
        Processes that share this machine's memory.
    """
    size = (CROPS * CROP) ** 2 if is_large(layout) else prod(layout.plane_size)
    needed = 4.0 * COPIES * size * layout.n_colours * min(pooled, settings.max_planes)
    if isinstance(settings, (SpectralConfig, RecurrenceConfig)):
        return max(1, min(MOST_CPU, int(USED * free_memory() / workers / needed)))
    assert isinstance(settings, (KernelGANConfig, HybridConfig))
    if resolve_device(device).type == "cuda":
        import torch

        return max(1, min(MOST_GPU, int(USED * torch.cuda.mem_get_info()[0] / (needed + NETWORKS))))
    return max(1, min(MOST_CPU, int(USED * free_memory() / workers / (needed + NETWORKS))))


def free_memory() -> int:
    """Bytes of main memory that are free on this machine."""
    import psutil

    return int(psutil.virtual_memory().available)
