"""Terms: their keys, the words behind them, and their lists of documents."""
