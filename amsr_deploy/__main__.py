"""`python -m amsr_deploy`, and what `torchrun -m amsr_deploy train ...` starts."""

from amsr_deploy.cli import main

main(prog_name="amsr")
