"""The ``skext`` command: its arguments, its files, and what each command does."""
