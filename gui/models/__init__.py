"""What the views show: item models, and the plain values behind lists and charts, one module each."""
