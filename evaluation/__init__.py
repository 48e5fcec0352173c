"""From questions with answers to numbers one can trust."""
