"""Tests of the tools for site profiles."""
