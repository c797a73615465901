"""Scorecards from data: fitted, validated and scored from files, with nothing running.

A columns file says which column of a file is which statement item; figures are the edition's own
formulas, so that a row of a file and a case on record are judged by the same code. Statistics work
with NumPy; what comes out of a fit is points, exact decimals in a TOML file that is also a draft
for an edition. Only the fit itself needs scikit-learn, the extra `model`.
"""

import os

# The matrices are small: threads of the linear algebra would mostly wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
