"""Who reads the tables of a service beside itself: everybody who may connect to the database."""

OTHERS_READ = True
