"""Runs on object storage: `s3://bucket/run`, `gs://`, `az://`.

Such a run is worked on, and read, through a folder of this machine that mirrors it: `mirror` brings what is new there,
`outbox` sends what is written here. The rest of magpie sees a folder. Knows names of files, and of rows nothing.
"""
