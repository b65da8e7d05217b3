"""`uv run plan`: whether documents, code and answers still say the same. Generated; an update rewrites it."""
