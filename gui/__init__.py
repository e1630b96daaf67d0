"""The window: everything a person sees. It asks `storage` for all it shows and touches no file itself."""
