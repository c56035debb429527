"""The mutant: mytracks with a Journal that says `durable` at once and commits a while later.

Everything else is the product, unpatched. Only for proving that the proofs can fail.
"""

import sys

HASTY = (sys.executable, "-m", "tests.faults.hasty")
