"""How a server is reached: the worlds that steps act upon, over SSH and Docker's API."""
