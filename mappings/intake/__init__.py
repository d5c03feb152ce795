"""What centres send, read strictly into the plain values of `mappings.facts`; every fault is named with its path."""
