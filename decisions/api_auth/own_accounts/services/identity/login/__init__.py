"""Accounts: how people sign up and in, and what proves afterwards who they are."""
