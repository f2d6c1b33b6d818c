"""The lab, seen from outside: by zeep, by bare HTTP, and by its own controls."""
