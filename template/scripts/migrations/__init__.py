"""How the databases of all services are brought to the shape that their code expects."""
