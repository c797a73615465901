"""Do cases under way still run? Recorded histories of every workflow, replayed against the code."""
