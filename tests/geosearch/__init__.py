"""Tests of `geosearch`, one file a module."""
