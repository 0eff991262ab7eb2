"""Charts: plain data and a size in, styled text out. No app, no HTTP; the only place that imports plotext.

Every chart is a frozen struct with the three methods of `base.Chart`, so that whatever can be drawn can also be
shown as a table (`t`), exported (`e`) and printed by `stats-tui snapshot`.
"""
