"""Read what a PBX really has, and compare it with the configuration: which part each endpoint has, and why."""
