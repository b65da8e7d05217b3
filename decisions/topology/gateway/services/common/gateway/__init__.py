"""The gateway: a process of its own between callers from outside and the services that are open to them."""
