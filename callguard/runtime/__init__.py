"""What every process needs: tasks, mailboxes, systemd, logs."""
