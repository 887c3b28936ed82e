"""What an image is here: axes, planes, value ranges, and what makes an input unusable. Knows nothing of kernels or files."""
