"""KernelGAN: the kernel under which an image's patches look alike across scales (Bell-Kligler, Shocher, Irani, NeurIPS 2019).

Written from the paper. ``generator`` is the deep linear network that is the kernel, ``discriminator`` judges patches, ``crops`` draws
them, ``losses`` holds R(k), ``training`` the batched loop, ``postprocess`` the way from weights to a kernel, ``run`` the whole run.
"""
