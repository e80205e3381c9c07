"""The images of this machine: built here with Docker's CLI, and the ways by which they reach a server."""
