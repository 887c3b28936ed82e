"""Kernels that vary over the picture: a kernel for every tile, smoothed by the error bars, and the forward model with such a field."""
