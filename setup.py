"""Nothing is decided here: the metadata is in pyproject.toml."""

from setuptools import setup

setup()
