"""Settings that make runs short, or endless."""

from __future__ import annotations

from typing import Any

from napari_kernelgan.plugin.widget import KernelGANWidget

FAST = {"steps": 12, "generator_channels": 8, "discriminator_channels": 8, "discriminator_layers": 1}
ENDLESS = FAST | {"steps": 10**6}
FAST_ZSSR = {"max_steps": 4, "channels": 8, "layers": 3}
ENDLESS_ZSSR = FAST_ZSSR | {"max_steps": 10**6, "learning_rate_stop": 1e-30}
TIMEOUT = 60_000  # ms; machines are busy at times


def configure(widget: KernelGANWidget, estimate: dict[str, Any] | None = None, upscale: dict[str, Any] | None = None) -> None:
    """Fill in advanced settings, and choose KernelGAN: a kernel in training can be watched and cancelled."""
    widget.method.value = "kernelgan"
    for form, values in ((widget.settings["kernelgan"], estimate or {}), (widget.settings["zssr"], upscale or {})):
        for name, value in values.items():
            form.fields[name].value = value
