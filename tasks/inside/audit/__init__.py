"""What will keep a result from being reproduced, read from a repository's files and never by running them."""
