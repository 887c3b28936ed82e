"""Photographs of napari with the plugin, as `scripts/photograph_panel.py` takes them.

Importing this gives napari preferences of its own, in a folder that goes with the program: import it before napari.
"""

import os
from tempfile import TemporaryDirectory

_folder = TemporaryDirectory(prefix="napari-kernelgan-")
os.environ["NAPARI_CONFIG"] = os.path.join(_folder.name, "settings.yaml")
