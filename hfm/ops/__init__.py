"""What an operator asks for: a check of the installation, and schedules for cron and systemd."""
