"""The tests, as a package: another distribution installs one of the same name, which must not stand before it."""
