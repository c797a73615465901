"""Documents that bind: set in type from values alone, sealed, signed and verified."""
