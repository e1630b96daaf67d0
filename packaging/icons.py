"""Draw Runshelf's icon from its own SVG in every size and format that desktops ask for.

    python packaging/icons.py FOLDER

makes FOLDER/hicolor (a theme folder for Linux), runshelf.ico for Windows and runshelf.icns for macOS.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SVG = ROOT / "resources" / "icons" / "runshelf.svg"
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
WINDOWS = (16, 20, 24, 32, 40, 48, 64, 128, 256)
MAC = (16, 32, 64, 128, 256, 512, 1024)


def draw(size: int, target: Path) -> Path:
    """Draw the icon as a PNG of `size` pixels."""
    from PySide6.QtCore import QRectF, Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(SVG)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    target.parent.mkdir(parents=True, exist_ok=True)
    if not image.save(str(target)):
        raise OSError(f"{target} could not be written.")
    return target


def make_theme(folder: Path) -> Path:
    """Make the folder `hicolor` with the icon in every size, and as it is."""
    theme = folder / "hicolor"
    for size in SIZES:
        draw(size, theme / f"{size}x{size}" / "apps" / "runshelf.png")
    scalable = theme / "scalable" / "apps" / "runshelf.svg"
    scalable.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SVG, scalable)
    return theme


def make_container(file: Path, sizes: tuple[int, ...]) -> Path:
    """Make one file that holds the icon in several sizes, each drawn by itself; the format is told by the name."""
    from PIL import Image

    drawn = file.with_suffix(".png")
    images = []
    for size in sizes:
        with Image.open(draw(size, drawn)) as image:
            images.append(image.copy())
    drawn.unlink()
    images[-1].save(file, sizes=[(size, size) for size in sizes], append_images=images[:-1])
    return file


def make_all(folder: Path) -> None:
    """Make whatever one of the platforms asks for."""
    make_theme(folder)
    make_container(folder / "runshelf.ico", WINDOWS)
    make_container(folder / "runshelf.icns", MAC)


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
