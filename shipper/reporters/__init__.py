"""Events → what a person or a machine reads."""
