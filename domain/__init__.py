"""The words of the field: frozen values, and the rules a value keeps about itself."""
