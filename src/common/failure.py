"""Errors that a user can act on. The library throws them; only a command's `main` prints them and exits."""


class Failure(Exception):
    """Work that could not be done: what was tried, on what value, what is wanted."""

    exit_code = 1


class RequestError(Failure):
    """The request or a file it names is wrong."""

    exit_code = 2


class UnavailableError(Failure):
    """This machine cannot do it now."""

    exit_code = 3
