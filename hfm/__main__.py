"""`python -m hfm` is `hfm`."""

from hfm.cli import main

if __name__ == "__main__":
    main()
