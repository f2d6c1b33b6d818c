"""Tests of the API's two doors."""
