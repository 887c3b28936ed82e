"""The napari part: widget, public functions that take layers, sample data. Nothing is computed here.

From napari's console or a script::

    from napari_kernelgan.plugin import estimate_layer, run_layer, upscale_layer

    kernel = viewer.add_layer(estimate_layer(viewer.layers["cells"]))
    large = viewer.add_layer(upscale_layer(viewer.layers["cells"], kernel))
"""

from .actions import estimate_layer, run_layer, upscale_layer
from .field_actions import map_kernels_layer
from .stack_actions import process_stack_layer
from .trust_actions import added_detail_layer, disagreement_layer, residual_layer

__all__ = [
    "added_detail_layer",
    "disagreement_layer",
    "estimate_layer",
    "map_kernels_layer",
    "process_stack_layer",
    "residual_layer",
    "run_layer",
    "upscale_layer",
]
