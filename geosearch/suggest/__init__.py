"""Names that begin with what was typed: their rows, their columns, and asking."""
