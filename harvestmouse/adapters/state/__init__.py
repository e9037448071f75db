"""Files in the state directory: cookie, ledger, lock, purchase journal and memory."""
