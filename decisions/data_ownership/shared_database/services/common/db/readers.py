"""Who else may read the tables of a service: everybody who may connect to the database."""

OTHERS_READ = True
