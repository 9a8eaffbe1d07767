"""What `benchmarks/fuzz.py` tries: files, their readers, and damage."""
