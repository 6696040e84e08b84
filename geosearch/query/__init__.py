"""What may be asked: parameters, the `Query`, cursors."""
