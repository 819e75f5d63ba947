"""`python -m bea`, the same as `bea`."""

import sys

from bea.cli import main

sys.exit(main())
