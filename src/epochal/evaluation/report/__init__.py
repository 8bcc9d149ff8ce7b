"""The report of a study: one page from its data to its failures."""
