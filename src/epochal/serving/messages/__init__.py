"""What the web service is asked and what it answers, as pydantic models."""
