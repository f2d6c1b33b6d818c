"""The API's two doors: everything on the Unix socket, what an IVR script may ask on ``listen``."""
