"""Simulated years: the real daemon on one seeded scheduler, among simulated hosts, networks and disks."""
