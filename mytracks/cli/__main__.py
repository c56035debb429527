"""`python -m mytracks.cli`: the command where the installed script is not at hand."""

from mytracks.cli import main

if __name__ == "__main__":
    main()
