"""PURE: what messages say and which buttons they have."""
