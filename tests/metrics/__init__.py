"""Metrics, alert rules, dashboard."""
