"""Files: reading and writing images and kernels. Every output is written to a temporary name beside it and then renamed."""
