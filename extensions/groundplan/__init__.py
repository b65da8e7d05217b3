"""The model behind a groundplan project: pure, typed Python that knows neither Copier nor Jinja."""
