"""The documents are true: their links lead somewhere, and what they say of the program is so."""
