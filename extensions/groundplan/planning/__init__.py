"""The planning documents: what their templates loop over, and the model that the project's checker reads."""
