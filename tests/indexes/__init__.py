"""Tests of `indexes`, one file a module."""
