"""A file's bytes -> its own samples, block by block; what is damaged, missing or in the way is said."""
