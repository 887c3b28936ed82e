"""ZSSR: a small network trained on one image alone to undo its own degradation (Shocher, Cohen, Irani, CVPR 2018).

``network`` is the network, ``run`` the door to two ways of using it. By default it improves the inverse: ``lessons`` makes what it learns
from, ``residual`` trains and applies it. The published way was written from the paper: ``pairs`` makes fathers and sons, ``schedule``
decides when the learning rate falls, ``published`` trains and applies.
"""
