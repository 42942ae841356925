"""`python -m hfm` is `hfm`."""

from hfm.cli import command

if __name__ == "__main__":
    command()
