"""Video: what did not change from one frame to the next is not computed again."""
