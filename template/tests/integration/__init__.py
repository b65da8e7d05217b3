"""Tests of all services together, in one process."""
