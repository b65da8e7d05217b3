"""What every service is built from; it knows none of them. Managed: updates rewrite everything here."""
