"""What the daemon asks of the machine it runs on: lock, listeners, log, runtime file, systemd."""
