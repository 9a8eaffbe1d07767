"""What the paper says (Shang et al., arXiv 2505.06975), as this project noted it."""

from __future__ import annotations

SHARES = {
    "2K": {"fsrcnn": 0.852, "carn": 0.578, "srresnet": 0.695, "swinir": 0.764},
    "4K": {"fsrcnn": 0.850, "carn": 0.559, "srresnet": 0.665, "swinir": 0.699},
    "8K": {"fsrcnn": 0.847, "carn": 0.528, "srresnet": 0.615, "swinir": 0.588},
}
"""FLOPs of the masked network as a share of the dense one's: Table 2, by test set and network."""
MILLISECONDS = {"4K": {"fsrcnn": 16, "carn": 224, "srresnet": 349}}
"""Time of a picture: Table 3, on a GPU that the paper does not name."""
