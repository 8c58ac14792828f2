"""`python -m gan_lib`."""

from .cli import main

raise SystemExit(main())
