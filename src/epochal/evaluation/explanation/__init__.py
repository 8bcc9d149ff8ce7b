"""Why a model said what it said: by column, by epoch, on the signal's own time."""
