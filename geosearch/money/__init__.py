"""What a deal saves, and what it is worth: amounts, offers, ranking."""
