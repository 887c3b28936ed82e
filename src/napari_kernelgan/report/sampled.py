"""The curves of a kernel as they are drawn and as they are written to tables: sampled on the same points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..estimate.result import KernelEstimate
from ..kernels.curves import encircled_energy, encircled_radius, profile
from ..kernels.measures import mtf
from .lengths import Ruler

POINTS = 201
MOST_ENERGY = 0.99
"""Share of the kernel up to which the energy is drawn."""


class Curve(NamedTuple):
    """One curve of a kernel."""

    kind: str
    """"profile", "MTF" or "encircled energy"."""
    axis: str
    """"major" or "minor"; empty where there is no direction."""
    angle: float
    """Of that axis, degrees from +x towards +y of the pixel grid; 0 where there is no direction."""
    at: NDArray[np.float64]
    """HR pixels; of the MTF cycles per HR pixel."""
    values: NDArray[np.float64]

    def lengths(self, ruler: Ruler) -> NDArray[np.float64] | None:
        """`at` in the unit of the pixels, of the MTF in cycles per unit; None of circles where pixels are oblong."""
        if self.kind == "MTF":
            return self.at * ruler.frequency(self.angle)
        return self.at * ruler.length(self.angle) if self.axis or ruler.square else None


def axes_of(estimate: KernelEstimate) -> tuple[tuple[str, float], tuple[str, float]]:
    """Names and angles of the principal axes."""
    angle = estimate.fwhm.angle
    return ("major", angle), ("minor", (angle + 90) % 180)


def profiles(estimate: KernelEstimate) -> list[Curve]:
    """The kernel along its principal axes, the peak 1."""
    reach = max(2.0, 1.3 * estimate.fwhm.major)
    along = np.linspace(-reach, reach, POINTS)
    return [Curve("profile", name, angle, along, profile(estimate.kernel, angle, along)) for name, angle in axes_of(estimate)]


def contrasts(estimate: KernelEstimate) -> list[Curve]:
    """The modulation transfer function along the principal axes, up to the Nyquist frequency of the HR grid."""
    f = np.linspace(0, 0.5, POINTS)
    return [Curve("MTF", name, angle, *mtf(estimate.kernel, angle, f)) for name, angle in axes_of(estimate)]


def energy(estimate: KernelEstimate) -> Curve:
    """The share of the kernel within circles around its centre of mass."""
    radii = np.linspace(0, 1.1 * encircled_radius(estimate.kernel, MOST_ENERGY), POINTS)
    return Curve("encircled energy", "", 0.0, radii, encircled_energy(estimate.kernel, radii))


def all_curves(estimate: KernelEstimate) -> list[Curve]:
    """Everything that is drawn of a kernel."""
    return [*profiles(estimate), *contrasts(estimate), energy(estimate)]
