"""The napari part: widgets, public functions that take layers, sample data. Nothing is computed here.

From napari's console or a script::

    from napari_kernelgan.plugin import estimate_layer, run_layer, upscale_layer

    kernel = viewer.add_layer(estimate_layer(viewer.layers["cells"]))
    large = viewer.add_layer(upscale_layer(viewer.layers["cells"], kernel))

The functions are loaded when they are first asked for: napari imports this package for every command.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "actions": ["estimate_layer", "run_layer", "upscale_layer"],
        "field_actions": ["map_kernels_layer"],
        "stack_actions": ["process_stack_layer"],
        "trust_actions": ["added_detail_layer", "disagreement_layer", "residual_layer"],
    },
)
