"""Every code that we may send, with where it was seen; what was not seen twice waits in unvalidated.csv."""
