"""Words of merchants: their columns, and what the words of a query may mean."""
