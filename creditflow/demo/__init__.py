"""The demonstration: a sample book of companies, and people who work it over HTTP.

Nothing here reaches into the programs: imports, applications, decisions, signatures and uses go
through the API with the keys of `users.json`, and the customer follows the link in the mail.
"""

from creditflow.demo.show import main

__all__ = ["main"]
