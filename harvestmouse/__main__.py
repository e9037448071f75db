"""Run the command line: ``python -m harvestmouse``."""

from harvestmouse.runners.cli import main

if __name__ == "__main__":
    main()
