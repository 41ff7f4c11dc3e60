#pragma once

/// Makes a listening unix socket of mode 0600 at PATH, which may be of any length, instead of any that is there. Returns a
/// descriptor, or a negated errno.
int cpbuild_listen(const char *path);
/// Connects to the unix socket at PATH. Returns a descriptor that doesn't block, or a negated errno.
int cpbuild_connect(const char *path);
