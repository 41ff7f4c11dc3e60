#pragma once

#include <stddef.h>

/// Makes a listening unix socket of mode 0600 at PATH, which may be of any length, instead of any that is there. Returns a
/// descriptor, or a negated errno.
int cpbuild_listen(const char *path);
/// Connects to the unix socket at PATH. Returns a descriptor that doesn't block, or a negated errno.
int cpbuild_connect(const char *path);
/// Sends BYTES to the connected unix socket PEER, with the open file DESCRIPTOR beside them (SCM_RIGHTS of unix(7)). Returns 0
/// or an errno, EAGAIN among them where not all of it could be sent.
int cpbuild_send_descriptor(int peer, const void *bytes, size_t count, int descriptor);
