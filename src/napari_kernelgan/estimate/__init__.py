"""Estimating kernels: one module or folder per method, ``api`` in front of them, ``result`` for what comes out."""
