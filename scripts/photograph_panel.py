"""Photograph the plugin in napari's real window, in every state.

    QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1500x24" python scripts/photograph_panel.py OUT

writes `OUT/SCENE-THEME-HEIGHT.png` for every scene of `photograph/scenes.py`, or for those that are named with ``--only``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

THEMES, HEIGHTS = ("dark", "light"), (900, 1400)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these scenes")
    parser.add_argument("--theme", nargs="+", choices=THEMES, default=THEMES)
    parser.add_argument("--height", nargs="+", type=int, default=HEIGHTS, help="of the window in px")
    parser.add_argument("--what", choices=("window", "panel", "canvas"), default="window", help="what of the window")
    arguments = parser.parse_args()

    from photograph.scenes import SCENES
    from photograph.stage import Stage, write

    unknown = sorted(set(arguments.only or ()) - set(SCENES))
    if unknown:
        parser.error(f"no scene is called {', '.join(unknown)}; there are {', '.join(SCENES)}")
    for name in arguments.only or SCENES:
        stage = Stage()
        SCENES[name](stage)
        for theme in arguments.theme:
            for height in arguments.height:
                stage.show(theme, height)
                write(arguments.out / f"{name}-{theme}-{height}.png", stage.photograph(arguments.what))
        stage.close()


if __name__ == "__main__":
    main()
