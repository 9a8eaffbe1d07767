"""What `amsr infer` and `amsr mask` do with many pictures: find them, work on them in turn, write and report."""
