"""How well rows tell clusters apart, and in which columns they do."""
