"""The journal, with its own thread and real files."""
