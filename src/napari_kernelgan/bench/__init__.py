"""Comparing methods on pictures whose kernel, or whose sharp original, is known.

``cases`` makes or reads the pictures, ``methods`` runs what is compared, ``tables`` sums up, ``command`` is the whole of it.
"""
