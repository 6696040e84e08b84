"""Tests of geosearch.cluster."""
