"""What commands do, from the connection to the outcome: a module for each kind."""
