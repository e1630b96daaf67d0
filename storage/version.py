"""The version of Runshelf."""

VERSION = "0.1.0"
