"""From bytes to clean characters."""
