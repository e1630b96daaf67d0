"""A chart as a picture to take away: onto the clipboard, or into a PNG or SVG file written away from the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QIODevice, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPicture
from PySide6.QtWidgets import QFileDialog

from gui.formats import tr
from gui.settings import Settings, documents_folder
from gui.tasks import Report, Tasks

SHARPNESS = 2  # pixels a point; enough for print at the size of a column


def image_of(plot: pg.PlotWidget) -> QImage:
    """Draw a chart as an image, as it is on screen."""
    image = QImage(plot.size() * plot.devicePixelRatioF(), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(plot.devicePixelRatioF())
    painter = QPainter(image)
    painter.fillRect(plot.rect(), plot.backgroundBrush())
    plot.render(painter, QRectF(plot.rect()), plot.viewport().rect())
    painter.end()
    return image


def record_of(plot: pg.PlotWidget) -> QPicture:
    """Note down how a chart is drawn, in lines and not in pixels, so that it can be drawn again on another thread."""
    record = QPicture()
    items = [item for item in plot.scene().items() if hasattr(item, "setExportMode")]
    painter = QPainter(record)
    painter.fillRect(plot.rect(), plot.backgroundBrush())
    for item in items:
        item.setExportMode(True, {"antialias": True, "painter": painter})
    try:
        plot.render(painter, QRectF(plot.rect()), plot.viewport().rect())
    finally:
        for item in items:
            item.setExportMode(False)
        painter.end()
    return record


def write_png(record: QPicture, size: QSize, path: Path, report: Report) -> Path:
    """Write a chart that was noted down as an image. Raises StorageError where that can't be done."""
    from storage import write_atomic

    image = QImage(size * SHARPNESS, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SHARPNESS)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    record.play(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub wants bytes, the function a text
    write_atomic(path, bytes(buffer.data().data()))
    return path


def write_svg(record: QPicture, size: QSize, title: str, path: Path, report: Report) -> Path:
    """Write a chart that was noted down as a drawing. Raises StorageError where that can't be done."""
    from PySide6.QtSvg import QSvgGenerator

    from storage import write_atomic

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    drawing = QSvgGenerator()
    drawing.setOutputDevice(buffer)
    drawing.setResolution(record.logicalDpiX())  # else the drawing is smaller than its paper
    drawing.setSize(size)
    drawing.setViewBox(QRect(0, 0, size.width(), size.height()))
    drawing.setTitle(title)
    painter = QPainter(drawing)
    record.play(painter)
    painter.end()
    write_atomic(path, bytes(buffer.data().data()))
    return path


def ask_for_picture(
    plot: pg.PlotWidget, name: str, tasks: Tasks, settings: Settings, done: Callable[[Path], None] | None = None
) -> QFileDialog:
    """Ask where the picture of a chart goes, and write it there; `done` is told the file."""
    folder = Path(settings.picture_folder or documents_folder())
    dialog = QFileDialog(plot, tr("Save picture"), str(folder / name))
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters([tr("Picture (*.png)"), tr("Drawing (*.svg)")])
    dialog.setDefaultSuffix("png")
    dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix("svg" if "svg" in chosen else "png"))

    def save(text: str) -> None:
        settings.picture_folder = str(Path(text).parent)
        save_picture(plot, Path(text), tasks, done)

    dialog.fileSelected.connect(save)
    dialog.open()
    return dialog


def save_picture(plot: pg.PlotWidget, path: Path, tasks: Tasks, done: Callable[[Path], None] | None = None) -> None:
    """Write the picture of a chart as it looks now; a drawing if the name ends in .svg."""
    if path.suffix.lower() == ".svg":
        work = partial(write_svg, record_of(plot), plot.size(), plot.accessibleName(), path)
    else:
        work = partial(write_png, record_of(plot), plot.size(), path)
    tasks.start(work, done)
