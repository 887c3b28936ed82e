"""ZSSR: a small network trained on one image alone to undo its own degradation (Shocher, Cohen, Irani, CVPR 2018).

Written from the paper. ``network`` is the network and its tiled application, ``pairs`` makes fathers and sons, ``schedule`` decides when
the learning rate falls, ``run`` is the training, ``backprojection`` makes a result agree with its input.
"""
