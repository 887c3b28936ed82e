"""Comparing methods on pictures whose kernel, or whose sharp original, is known.

``cases`` makes or reads the pictures, with the kernels of ``kinds``; ``methods`` runs what is compared, with the priors of ``folds`` where
they are cross-validated; ``scores`` are summed up in ``tables`` and drawn in a ``figure``, error bars in ``bars``; ``command`` is the whole
of it.
"""
