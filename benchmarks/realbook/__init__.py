"""A book of real companies worked to its end on a stack of its own, whole or while it is killed.

    python -m benchmarks.realbook [--cases 300] [--kill] [--report FILE] [--json]

The statements of listed companies come in as customers, the ledger of a hundred others as payment
history of a hundred of them. Three hundred ask for a line; people, each an API client with a key of
their own, decide, sign and release. With `--kill`, worker, web process, PostgreSQL and Temporal are
killed (-9) in turn meanwhile. At the end every case has ended exactly once, or it says where not.

The files are read from `../shared/data/`; where that folder is absent, nothing is run.
"""
