"""The kernel undone in closed form, and edges kept sharp: milliseconds, no training, NumPy only.

``levels`` measures how strong noise and texture are, ``fourier`` solves the regularised problem exactly on a periodic grid, ``border``
continues a plane until it is periodic, ``edges`` says where the result need not be smooth, ``run`` puts them together for planes and tiles,
``lazy`` for planes that no memory holds.
"""
