"""The charts, one module each, on `plot.Plot`. They load pyqtgraph, so nothing here is imported before first paint."""
