"""The nouns: what shipper talks about. Plain frozen data, no I/O."""
