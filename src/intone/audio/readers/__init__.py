"""A file's bytes -> its own samples, block by block, and notes on what is damaged or missing."""
