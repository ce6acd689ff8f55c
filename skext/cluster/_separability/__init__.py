"""How well columns and rows tell clusters apart."""
