"""The questions that the report answers -> the runs, tables and figures that answer them."""
