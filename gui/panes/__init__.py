"""The panes of the window, one module each: workspace tree, catalog, pipeline details and jobs."""
