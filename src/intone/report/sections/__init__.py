"""A results folder -> the sections of the report, each Markdown with figures."""
