"""`python -m storage` is the command line `runshelf`."""

import sys

from storage.cli import main

if __name__ == "__main__":
    sys.exit(main())
