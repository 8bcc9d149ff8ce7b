"""The machinery of the web service: options, limits, access, metrics, jobs."""
