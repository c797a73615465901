"""The order of events: what happens, what is awaited, what is refused."""
