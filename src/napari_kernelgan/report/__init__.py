"""A whole run and what it leaves in its folder: kernel, upscaled image, a record of everything, and a figure."""
