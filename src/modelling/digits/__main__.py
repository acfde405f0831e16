"""`python -m src.modelling.digits`."""

import sys

from src.modelling.digits.command import main

sys.exit(main())
