"""The product as Python: what the templates of generated code read, formatted and ready to be printed."""
