"""Estimate the blur-and-downscale kernel of an image from the image alone, and upscale with it.

The public names; what they mean is documented where they are defined. Importing this loads neither PyTorch nor napari.
"""

from . import kernels
from ._version import __version__
from .assess.badge import Badge, badge
from .assess.detail import added_detail, disagreement
from .assess.residual import consistency
from .config import HybridConfig, InverseConfig, KernelGANConfig, RecurrenceConfig, RunConfig, Settings, SpectralConfig, ZSSRConfig
from .errors import DeviceError, InputError, OutOfMemory
from .estimate.api import estimate_kernel, estimate_kernels, iter_estimate_kernel, iter_estimate_kernels
from .estimate.result import History, KernelEstimate, Reliability
from .fields.api import iter_map_kernels, map_kernels
from .fields.forward import degrade_field
from .fields.given import given_map
from .fields.result import KernelMap
from .files.kernel_maps import load_kernel_map, save_kernel_map
from .files.kernels import load_kernel, save_kernel
from .kernels.forward import degrade
from .progress import Progress
from .stacks.api import iter_process_stack, process_stack
from .stacks.results import StackResult
from .upscaling.api import iter_upscale, upscale
from .upscaling.result import UpscaledImage, UpscaleInfo

__all__ = [
    "Badge",
    "DeviceError",
    "History",
    "HybridConfig",
    "InputError",
    "InverseConfig",
    "KernelEstimate",
    "KernelMap",
    "KernelGANConfig",
    "OutOfMemory",
    "Progress",
    "RecurrenceConfig",
    "Reliability",
    "RunConfig",
    "Settings",
    "StackResult",
    "SpectralConfig",
    "UpscaleInfo",
    "UpscaledImage",
    "ZSSRConfig",
    "__version__",
    "added_detail",
    "badge",
    "consistency",
    "degrade",
    "degrade_field",
    "disagreement",
    "estimate_kernel",
    "estimate_kernels",
    "given_map",
    "iter_estimate_kernel",
    "iter_estimate_kernels",
    "iter_map_kernels",
    "iter_process_stack",
    "iter_upscale",
    "kernels",
    "load_kernel",
    "load_kernel_map",
    "map_kernels",
    "process_stack",
    "save_kernel",
    "save_kernel_map",
    "upscale",
]
