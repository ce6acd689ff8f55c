"""Networks for tables and their building blocks; the modules here import torch."""
