"""`python -m creditflow.demo`."""

import sys

from creditflow.demo.show import main

sys.exit(main())
