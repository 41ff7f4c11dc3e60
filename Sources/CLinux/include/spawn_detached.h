#pragma once

/// Starts PATH in a session of its own, with default signals, the root folder as its own, no open file but /dev/null as
/// stdin, LOG as stdout and stderr, which begins anew with mode 0600, and COUNT (at most 16) DESCRIPTORS, which are its
/// from 3 on. Returns 0 and the process's id, or an errno.
int cpbuild_spawn_detached(
    const char *path, char *const arguments[], char *const environment[], const char *log, const int *descriptors,
    int count, int *pid);
