"""Tools of every process: tasks, mailboxes, journal, systemd, logs."""
