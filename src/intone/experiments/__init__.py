"""The experiments behind the report -> runs, tables and figures."""
