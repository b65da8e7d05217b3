"""Who reads the tables of a service beside itself: nobody."""

OTHERS_READ = False
