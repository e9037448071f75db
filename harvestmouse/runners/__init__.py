"""Runs: fetch, plan, check, carry out, report."""
