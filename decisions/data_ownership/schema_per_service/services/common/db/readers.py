"""Who else may read the tables of a service: nobody."""

OTHERS_READ = False
