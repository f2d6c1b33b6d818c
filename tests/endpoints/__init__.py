"""Tests of what watches: endpoints, and the IVR's own health."""
