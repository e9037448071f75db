"""Files in the state directory: cookie, ledger, lock, purchase journal, memory; each replaced or appended atomically."""
