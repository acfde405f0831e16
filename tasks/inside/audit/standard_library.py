"""The modules that come with Python, of the Python that asks and of others."""

from __future__ import annotations

import os
import sys
import sysconfig

#: In some of the Pythons from 2.7 to 3.15, though perhaps not in the one that runs this.
REMOVED = frozenset(
    [
        "__builtin__",
        "__future__",
        "__main__",
        "_thread",
        "aifc",
        "annotationlib",
        "asynchat",
        "asyncore",
        "audioop",
        "binhex",
        "cgi",
        "cgitb",
        "chunk",
        "compression",
        "concurrent",
        "ConfigParser",
        "cPickle",
        "crypt",
        "cStringIO",
        "dataclasses",
        "distutils",
        "exceptions",
        "formatter",
        "graphlib",
        "httplib",
        "imghdr",
        "imp",
        "importlib",
        "lib2to3",
        "macpath",
        "mailcap",
        "md5",
        "msilib",
        "msvcrt",
        "nis",
        "nntplib",
        "nt",
        "ossaudiodev",
        "parser",
        "pipes",
        "posixfile",
        "Queue",
        "sets",
        "sha",
        "smtpd",
        "sndhdr",
        "spwd",
        "StringIO",
        "sunau",
        "symbol",
        "telnetlib",
        "Tkinter",
        "tomllib",
        "urllib2",
        "urlparse",
        "uu",
        "winreg",
        "winsound",
        "xdrlib",
        "xmlrpclib",
        "zoneinfo",
        "pathlib",
        "profiling",
        "string",
        "turtle",
        "antigravity",
        "this",
    ]
)


def modules() -> frozenset[str]:
    """Python 3.10 and newer say it; older ones show it by their folder."""
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return frozenset(names)
    found = set(sys.builtin_module_names)
    folder = sysconfig.get_paths()["stdlib"]
    for place in (folder, os.path.join(folder, "lib-dynload")):
        try:
            found.update(name.split(".")[0] for name in os.listdir(place))
        except OSError:
            continue
    return frozenset(found)
