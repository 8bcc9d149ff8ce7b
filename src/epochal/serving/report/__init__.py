"""The report of a recording: one page by the kind of recording."""
