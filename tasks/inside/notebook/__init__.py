"""Executing notebooks without a browser: read and checked, given parameters, run cell by cell, saved."""
