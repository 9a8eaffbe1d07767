"""The tables and figures of the paper, one file each, for `benchmarks/reproduce.py`.

A table has `measure`, which stores one record for each figure of each picture, and `build`, which makes the table from
records alone.
"""
