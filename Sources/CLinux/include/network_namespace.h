#pragma once

/// Moves the calling thread, and nothing else, into the network namespace that the file at PATH keeps; see setns(2).
/// Returns 0 or an errno.
int cpbuild_enter_network(const char *path);
