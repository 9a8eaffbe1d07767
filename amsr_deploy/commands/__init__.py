"""The commands: `run` of the module that has a command's name takes its options and returns the exit code."""
