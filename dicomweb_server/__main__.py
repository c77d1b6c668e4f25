"""``python -m dicomweb_server``."""

from dicomweb_server.cli.main import main

if __name__ == "__main__":
    main()
