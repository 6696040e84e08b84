"""Tests; README.md says what each folder proves."""
