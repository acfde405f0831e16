"""`python -m src.modelling.eurosat`."""

import sys

from src.modelling.eurosat.command import main

sys.exit(main())
