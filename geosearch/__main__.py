"""`python -m geosearch`: the command line, where the console script is not on the path."""

from geosearch.cli.app import main

if __name__ == "__main__":
    main()
