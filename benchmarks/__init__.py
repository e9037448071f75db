"""What is fast, measured against floors."""
