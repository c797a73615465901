"""Each step that touches the world; `signatures.py` names the steps for workflows."""
