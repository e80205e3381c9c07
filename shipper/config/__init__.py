"""config/deploy.yaml: its schema, how it is read, and what is said of mistakes in it."""
