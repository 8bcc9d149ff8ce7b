"""The parameters of every pipeline: what conf may say, its defaults, and what each thing means."""
