"""A results folder -> the chapters of the report, each Markdown with figures."""
