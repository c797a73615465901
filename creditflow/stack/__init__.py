"""The embedded stack: every program a Creditflow needs, started on one machine from locked wheels.

`home` says where files lie, `postgres` and `temporal` how the two servers are started, `launch` how
no child outlives its parent, `programs` what runs after what, `supervisor` keeps it running, and
`control` is what the commands `up`, `down` and `status` do.
"""
