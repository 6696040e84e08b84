"""Opening hours: OSM expressions and free text to changes of state over the horizon.

Useful for: the build, which evaluates hours once.
Not useful for: looking up a state at query time; `indexes.timetable` does that.
"""
