"""What opsbot remembers: what it was asked for, and what its messages show. What serves is asked of the hosts."""
