"""Running the package: ``python -m napari_kernelgan``."""

from .cli import main

main()
