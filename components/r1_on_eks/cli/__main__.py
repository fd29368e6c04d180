"""`python -m r1_on_eks.cli`, where the console script is not on the PATH."""

import sys

from r1_on_eks.cli import main

sys.exit(main())
