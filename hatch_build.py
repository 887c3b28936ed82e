"""Copy the plugin manifest from the repository's root into the package, where npe2 looks for it."""

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManifestHook(BuildHookInterface):  # type: ignore[type-arg]
    """Put ``napari.yaml`` beside the modules, for wheels and for editable installs alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy before anything is collected."""
        root = Path(self.root)
        shutil.copyfile(root / "napari.yaml", root / "src" / "napari_kernelgan" / "napari.yaml")
