"""`amsr bench`: what masking saves on this machine, as ratios of times that were measured in one run."""
