"""A media worker: the process that owns legs, and the pipeline that it runs."""
