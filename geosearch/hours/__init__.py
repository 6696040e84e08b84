"""Opening hours as people write them to changes of state over the horizon."""
