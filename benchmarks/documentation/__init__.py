"""The documentation: pages and pictures made from the code, and the site that `nox -s docs` builds."""
