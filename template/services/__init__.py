"""The services of the project, one package each, and what they share."""
