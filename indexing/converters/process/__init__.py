"""The process that reads files, and how it is spoken to."""
