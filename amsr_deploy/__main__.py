"""`python -m amsr_deploy` is `amsr`."""

from amsr_deploy.cli import main

main(prog_name="amsr")
