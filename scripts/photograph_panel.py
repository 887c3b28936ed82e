"""Photograph the plugin in napari's real window: in every state, or for the documentation.

    QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1500x24" python scripts/photograph_panel.py OUT

writes `OUT/SCENE-THEME-HEIGHT.png` for every scene of `photograph`, or for those named with ``--only``. With ``--docs`` it writes
the pictures that README and the pages show, which `photograph/pages.py` lists; OUT is then `docs/images`. Either takes some minutes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

THEMES, HEIGHTS = ("dark", "light"), (900, 1400)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--docs", action="store_true", help="the pictures of the documentation, by their own themes and heights")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these scenes, or these pictures of the documentation")
    parser.add_argument("--theme", nargs="+", choices=THEMES, default=THEMES)
    parser.add_argument("--height", nargs="+", type=int, default=HEIGHTS, help="of the window in px")
    arguments = parser.parse_args()

    from photograph.pages import SHOTS
    from photograph.scenes import SCENES
    from photograph.stage import Stage, beside, write

    known = SHOTS if arguments.docs else SCENES
    unknown = sorted(set(arguments.only or ()) - set(known))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    for name in arguments.only or known:
        if arguments.docs:
            shot = SHOTS[name]
            write(arguments.out / f"{name}.png", beside([Stage.photographed(SCENES[each], shot) for each in shot.scenes]))
        else:
            with Stage() as stage:
                SCENES[name](stage)
                for theme in arguments.theme:
                    for height in arguments.height:
                        stage.show(theme, height)
                        write(arguments.out / f"{name}-{theme}-{height}.png", stage.photograph())


if __name__ == "__main__":
    main()
