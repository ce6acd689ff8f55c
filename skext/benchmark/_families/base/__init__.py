"""Tables as they are: the methods that every comparison begins with."""
