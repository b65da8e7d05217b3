"""`uv run plan`: do documents, code and answers agree? Generated; an update rewrites it."""
