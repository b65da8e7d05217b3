"""Commands of the project: `dev`, `migrate` and `plan`."""
