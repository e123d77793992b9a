"""Formats in, a store out, batches to the trainer."""
