"""The part that decides: events with their time in, actions out; no socket, clock, chance, file or XML."""
